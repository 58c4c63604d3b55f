//! The conditions that clients set on the state of some content (RFC 9110 §13).

use crate::http::{
    Comparison, EntityTag, FieldLines, HeaderName, HttpDate, Method, Validators, header,
};

/// The outcome of a request's conditions.
///
/// ```
/// use rhttp::http::{HttpError, Request, Response, StatusCode, header};
/// use rhttp::{Precondition, Validators};
///
/// /// Answers with a row of a table, of which the version is known before it is read.
/// fn row(request: &Request<'_>, version: u64) -> Result<Response, HttpError> {
///     let tag = format!("\"{version}\"");
///     let validators = Validators::default().with_etag(tag.as_bytes());
///     let status = match validators.evaluate(request.method(), request.headers()) {
///         Precondition::NotModified => StatusCode::NOT_MODIFIED,
///         Precondition::Failed => return Err(HttpError::new(StatusCode::PRECONDITION_FAILED)),
///         // No ranges of it are sent, so the two are the same here.
///         Precondition::Holds | Precondition::HoldsForWhole => StatusCode::OK,
///     };
///     let response = Response::new(status).with_header(header::ETAG, tag.as_str());
///     Ok(match status {
///         StatusCode::OK => response.with_body(read(version)),
///         _ => response,
///     })
/// }
/// # fn read(version: u64) -> String { version.to_string() }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// They hold: the request is served, and `Range` applies.
    Holds,
    /// They hold, but the client's partial copy is of another state: `Range` does not apply.
    HoldsForWhole,
    /// The client's copy is current: 304.
    NotModified,
    /// A condition does not hold: 412.
    Failed,
}

/// The outcome of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// The field is absent, or cannot be parsed.
    Absent,
    True,
    False,
}

/// The [marks](HeaderName::mark) of all fields that set conditions.
const MARKS: u64 = header::IF_MATCH.mark()
    | header::IF_NONE_MATCH.mark()
    | header::IF_MODIFIED_SINCE.mark()
    | header::IF_UNMODIFIED_SINCE.mark()
    | header::IF_RANGE.mark();

impl Validators {
    /// Evaluates the conditions of a request, in the order and with the numbers of §13.2.2.
    ///
    /// As in CPython, a date counts if it can be parsed, and not beside a condition on tags. Unlike
    /// CPython: the other four conditions count as well.
    pub fn evaluate(&self, method: Method<'_>, fields: FieldLines<'_>) -> Precondition {
        if !fields.may_contain(MARKS) {
            return Precondition::Holds;
        }
        let reads = matches!(method, Method::GET | Method::HEAD);
        // 1. If-Match; 2. without it, If-Unmodified-Since.
        let is_state = match self.if_match(fields) {
            Condition::Absent => self.if_unmodified_since(fields),
            condition => condition,
        };
        if is_state == Condition::False {
            return Precondition::Failed;
        }
        // 3. If-None-Match; 4. without it, and when reading, If-Modified-Since.
        let is_news = match self.if_none_match(fields) {
            Condition::Absent if reads => self.if_modified_since(fields),
            condition => condition,
        };
        match is_news {
            Condition::False if reads => Precondition::NotModified,
            Condition::False => Precondition::Failed,
            // 5. If-Range.
            _ if self.if_range(fields) == Condition::False => Precondition::HoldsForWhole,
            _ => Precondition::Holds,
        }
    }

    /// One of the tags is that of the current content (§13.1.1).
    fn if_match(&self, fields: FieldLines<'_>) -> Condition {
        self.tags(fields, header::IF_MATCH, Comparison::Strong)
    }

    /// The content was not modified after the date (§13.1.4).
    fn if_unmodified_since(&self, fields: FieldLines<'_>) -> Condition {
        self.date(fields, header::IF_UNMODIFIED_SINCE)
    }

    /// None of the tags is that of the current content (§13.1.2).
    fn if_none_match(&self, fields: FieldLines<'_>) -> Condition {
        !self.tags(fields, header::IF_NONE_MATCH, Comparison::Weak)
    }

    /// The content was modified after the date (§13.1.3).
    fn if_modified_since(&self, fields: FieldLines<'_>) -> Condition {
        !self.date(fields, header::IF_MODIFIED_SINCE)
    }

    /// The tag or date is exactly that of the content (§13.1.5).
    fn if_range(&self, fields: FieldLines<'_>) -> Condition {
        let mut states = fields.get_all(header::IF_RANGE).peekable();
        if states.peek().is_none() {
            return Condition::Absent;
        }
        states.all(|state| self.is_state(state)).into()
    }

    /// Whether a list of tags includes the content's. `*` matches any.
    fn tags(
        &self,
        fields: FieldLines<'_>,
        name: HeaderName<'_>,
        comparison: Comparison,
    ) -> Condition {
        if !fields.contains(name) {
            return Condition::Absent;
        }
        let own = self
            .etag()
            .and_then(|etag| EntityTag::take(etag.as_bytes()));
        let is_own = |tag: EntityTag<'_>| own.is_some_and(|(own, _)| own.is_equal(tag, comparison));
        fields
            .get_all(name)
            .any(|value| value.trim_ascii() == b"*" || EntityTag::list(value).any(is_own))
            .into()
    }

    /// Whether the content is no newer than a date.
    fn date(&self, fields: FieldLines<'_>, name: HeaderName<'_>) -> Condition {
        let since = fields.get(name).and_then(HttpDate::parse);
        match (since, self.modified()) {
            (Some(since), Some(modified)) => (modified <= since.as_unix()).into(),
            _ => Condition::Absent,
        }
    }

    /// Whether the value of an `If-Range` field names exactly this state of the content.
    ///
    /// A date does if the second that it names, and some more, had passed without a further change.
    /// Whether that was so when the client got its part is for the client to know (§8.8.2.2).
    fn is_state(&self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        match EntityTag::take(value) {
            Some((tag, [])) => self
                .etag()
                .and_then(|etag| EntityTag::take(etag.as_bytes()))
                .is_some_and(|(own, _)| own.is_equal(tag, Comparison::Strong)),
            Some(_) => false,
            None => {
                let date = HttpDate::parse(value);
                self.is_settled() && date.is_some() && date == self.last_modified()
            }
        }
    }
}

impl From<bool> for Condition {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl std::ops::Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::True => Self::False,
            Self::False => Self::True,
        }
    }
}

#[cfg(test)]
mod tests;
