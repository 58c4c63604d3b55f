//! What tells one state of a file from another, and the conditions that clients set on it
//! (RFC 9110 §8.8, §13).

use crate::http::{FieldLines, HeaderName, HeaderValue, HttpDate, header, push_hexadecimal};
use smallvec::SmallVec;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds that a file must have been left alone before its time of modification is taken for
/// proof that nothing has changed since: no file system in use has a clock coarser than FAT's.
const SETTLED_AFTER: i64 = 2;

/// What tells one state of some content from another (§8.8): an entity tag and a date.
///
/// A file's tag is made from its size and its time of modification, to the nanosecond, and from
/// nothing that differs from one machine to the next: copies of a tree behind one load balancer
/// have the same tags. A file modified within the last seconds might change again without a trace
/// in either, so its tag is weak and its date proves nothing yet: a client may keep a copy and ask
/// whether it is current, but not piece it together from ranges. (Apache's server does the same,
/// with one second.)
///
/// ```
/// use rhttp::{Validators, http::HttpDate};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let modified = UNIX_EPOCH + Duration::new(784_111_777, 5);
/// let now = HttpDate::from_unix(1_000_000_000).expect("a year with four digits");
/// let validators = Validators::of_file(1024, modified, now);
/// let etag = validators.etag().expect("it has a tag");
/// assert_eq!(etag.as_bytes(), b"\"400-2ebc98a1.5\"");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HttpDate>,
    /// Seconds since 1970, however far away.
    modified: Option<i64>,
    /// Whether a later change would show in the time of modification.
    is_settled: bool,
}

/// What the conditions of a GET or HEAD come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// They hold: the request is served, and `Range` counts.
    Holds,
    /// They hold, but the client's part is of another state: `Range` does not count.
    HoldsForWhole,
    /// The client's copy is current: 304.
    NotModified,
    /// A condition does not hold: 412.
    Failed,
}

/// How two entity tags are compared (§8.8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// Equal, and neither is weak: the same bytes.
    Strong,
    /// Equal but for weakness: one does for the other.
    Weak,
}

/// An entity tag (§8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EntityTag<'a> {
    is_weak: bool,
    /// What stands between the quotes.
    opaque: &'a [u8],
}

impl Validators {
    /// Those of a file of `size` bytes.
    pub fn of_file(size: u64, modified: SystemTime, now: HttpDate) -> Self {
        let (seconds, nanoseconds) = since_epoch(modified);
        let mut validators = Self::default().with_modified(seconds, now);
        validators.etag = Some(file_tag(
            !validators.is_settled,
            size,
            (seconds, nanoseconds),
        ));
        validators
    }

    /// The same with this value of an `ETag` field; with none if it is no entity tag. For content
    /// that a handler makes itself, beginning with `Validators::default()`.
    pub fn with_etag(mut self, value: &[u8]) -> Self {
        let is_tag = EntityTag::take(value).is_some_and(|(_, rest)| rest.is_empty());
        self.etag = HeaderValue::from_bytes(value).filter(|_| is_tag);
        self
    }

    /// The same with a time of modification, in seconds since 1970.
    pub fn with_modified(mut self, seconds: i64, now: HttpDate) -> Self {
        // Unlike CPython: never later than `Date` (§8.8.2.1), which is not before `now`.
        self.last_modified = HttpDate::from_unix(seconds.min(now.as_unix()));
        self.modified = Some(seconds);
        self.is_settled = now.as_unix().saturating_sub(seconds) > SETTLED_AFTER;
        self
    }

    /// The value of the `ETag` field.
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.etag.as_ref()
    }

    /// The value of the `Last-Modified` field, if four digits can tell the year.
    pub fn last_modified(&self) -> Option<HttpDate> {
        self.last_modified
    }

    /// Evaluates the conditions of a GET or HEAD, in the order and by the numbers of §13.2.2.
    ///
    /// As in CPython, a date counts when it can be read, and not beside a condition on tags.
    /// Unlike CPython: the other four conditions count as well.
    pub fn evaluate(&self, fields: FieldLines<'_>) -> Precondition {
        let date = |name| Some(HttpDate::parse(fields.get(name)?)?.as_unix());

        // 1. If-Match: one of the tags is that of the content as it is.
        if fields.contains(header::IF_MATCH) {
            if !self.matches_any(fields, header::IF_MATCH, Comparison::Strong) {
                return Precondition::Failed;
            }
        // 2. If-Unmodified-Since, without If-Match.
        } else if let Some(since) = date(header::IF_UNMODIFIED_SINCE)
            && self.modified.is_some_and(|modified| modified > since)
        {
            return Precondition::Failed;
        }
        // 3. If-None-Match: none of the tags is that of the content as it is.
        if fields.contains(header::IF_NONE_MATCH) {
            if self.matches_any(fields, header::IF_NONE_MATCH, Comparison::Weak) {
                return Precondition::NotModified;
            }
        // 4. If-Modified-Since, without If-None-Match.
        } else if let Some(since) = date(header::IF_MODIFIED_SINCE)
            && self.modified.is_some_and(|modified| modified <= since)
        {
            return Precondition::NotModified;
        }
        // 5. If-Range.
        let mut states = fields.get_all(header::IF_RANGE);
        if states.all(|state| self.is_state(state)) {
            Precondition::Holds
        } else {
            Precondition::HoldsForWhole
        }
    }

    /// Whether a list of tags (§13.1.1, §13.1.2) names the content's. `*` stands for all.
    fn matches_any(
        &self,
        fields: FieldLines<'_>,
        name: HeaderName<'_>,
        comparison: Comparison,
    ) -> bool {
        let own = self
            .etag
            .as_ref()
            .and_then(|etag| EntityTag::take(etag.as_bytes()));
        let is_own = |tag: EntityTag<'_>| own.is_some_and(|(own, _)| own.is_equal(tag, comparison));
        fields
            .get_all(name)
            .any(|value| value.trim_ascii() == b"*" || EntityTag::list(value).any(is_own))
    }

    /// Whether the value of an `If-Range` field names exactly this state of the content (§13.1.5).
    ///
    /// A date does when the second that it names, and some more, had passed without a further
    /// change; that it had when the client got its part is for the client to know (§8.8.2.2).
    fn is_state(&self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        match EntityTag::take(value) {
            Some((tag, [])) => self
                .etag
                .as_ref()
                .and_then(|etag| EntityTag::take(etag.as_bytes()))
                .is_some_and(|(own, _)| own.is_equal(tag, Comparison::Strong)),
            Some(_) => false,
            None => {
                let date = HttpDate::parse(value);
                self.is_settled && date.is_some() && date == self.last_modified
            }
        }
    }
}

impl<'a> EntityTag<'a> {
    /// The tag at the start of `text`, and what follows it.
    fn take(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (is_weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let text = quoted.strip_prefix(b"\"")?;
        // Commas and backslashes are characters like any other.
        let end = text
            .iter()
            .position(|byte| !matches!(byte, b'!' | b'#'..=b'~' | 0x80..))?;
        let (opaque, rest) = text.split_at_checked(end)?;
        let rest = rest.strip_prefix(b"\"")?;
        Some((Self { is_weak, opaque }, rest))
    }

    /// The tags of a list, as far as it is one.
    fn list(mut rest: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            while let [b' ' | b'\t' | b',', tail @ ..] = rest {
                rest = tail;
            }
            let tag;
            (tag, rest) = Self::take(rest)?;
            let is_member = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
            is_member.then_some(tag)
        })
    }

    fn is_equal(self, other: EntityTag<'_>, comparison: Comparison) -> bool {
        self.opaque == other.opaque
            && (comparison == Comparison::Weak || !(self.is_weak || other.is_weak))
    }
}

/// A file's tag. The marks between the numbers make different ones differ as text.
fn file_tag(is_weak: bool, size: u64, (seconds, nanoseconds): (i64, u32)) -> HeaderValue {
    let mut tag = SmallVec::new();
    // A mark of its own keeps it from matching the tag that the file has later: what was cached
    // meanwhile may be of another state.
    let (quote, end): (&[u8], &[u8]) = if is_weak {
        (b"W/\"", b"~\"")
    } else {
        (b"\"", b"\"")
    };
    tag.extend_from_slice(quote);
    push_hexadecimal(&mut tag, size);
    tag.push(b'-');
    push_hexadecimal(&mut tag, seconds.cast_unsigned());
    tag.push(b'.');
    push_hexadecimal(&mut tag, nanoseconds.into());
    tag.extend_from_slice(end);
    HeaderValue::printable(tag)
}

/// Seconds since 1970, rounded down, and nanoseconds since then.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    let whole = |seconds| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (whole(after.as_secs()), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match (-whole(before.as_secs()), before.subsec_nanos()) {
                (seconds, 0) => (seconds, 0),
                (seconds, nanoseconds) => (seconds - 1, 1_000_000_000 - nanoseconds),
            }
        }
    }
}

#[cfg(test)]
mod tests;
