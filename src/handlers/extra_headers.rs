//! Custom header fields: `-H`, CPython 3.15's `extra_response_headers`.

use crate::handler::Handler;
use crate::http::{
    FieldLines, HeaderName, HeaderValue, Headers, HttpError, Request, RequestLine, Response,
    StatusCode, header,
};
use std::str::FromStr;

/// Fields that only the server can set: how content is framed, and what distinguishes one state of
/// it from another.
const REFUSED: [HeaderName<'static>; 7] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::CONTENT_RANGE,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
];
/// Fields that describe the content: they must be known before conditions and ranges are evaluated.
const OF_CONTENT: [HeaderName<'static>; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::ACCEPT_RANGES,
];
const SET_COOKIE: HeaderName<'static> = HeaderName::from_static("Set-Cookie");

/// Adds fields to the successful responses of another handler: 200, 206 and 304.
///
/// They come after the handler's own, in order. A name that is already there is replaced; `Vary` is
/// merged, and cookies accumulate. `Server` is replaced on every response.
///
/// ```
/// use rhttp::{ExtraHeaders, FileHandler};
///
/// let files = ExtraHeaders::new(FileHandler::new("/srv/www"), [
///     "Referrer-Policy: no-referrer".parse()?,
///     "X-Robots-Tag: noindex".parse()?,
/// ]);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
#[doc(alias = "extra_response_headers")]
pub struct ExtraHeaders<H> {
    inner: H,
    /// The fields that describe the content.
    of_content: Vec<ExtraField>,
    others: Vec<ExtraField>,
    /// `others` as they are added to a response that has none of them.
    block: Headers,
    server: Option<String>,
}

/// A field as a person writes it: `Name: value`.
///
/// ```
/// use rhttp::ExtraField;
///
/// assert!("X-Robots-Tag: noindex".parse::<ExtraField>().is_ok());
/// assert!("Content-Length: 1".parse::<ExtraField>().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct ExtraField {
    name: String,
    value: HeaderValue,
    /// Whether it replaces an existing field.
    replaces: bool,
}

impl<H> ExtraHeaders<H> {
    /// Answers as `inner` does, with these fields added.
    pub fn new(inner: H, fields: impl IntoIterator<Item = ExtraField>) -> Self {
        let mut all: Vec<ExtraField> = Vec::new();
        let mut server = None;
        for mut field in fields {
            if field.name() == Some(header::SERVER) {
                let value = field.value.as_bytes();
                server = Some(value.iter().copied().map(char::from).collect());
                continue;
            }
            let is_new = all.iter().all(|known| known.name() != field.name());
            field.replaces = is_new && field.name() != Some(SET_COOKIE);
            all.push(field);
        }
        let (of_content, others) = all.into_iter().partition(ExtraField::is_of_content);
        let mut block = Headers::new();
        for field in &others {
            ExtraField::add_to(field, &mut block);
        }
        Self {
            inner,
            of_content,
            others,
            block,
            server,
        }
    }
}

impl ExtraField {
    fn name(&self) -> Option<HeaderName<'_>> {
        HeaderName::new(&self.name)
    }

    fn add_to(&self, headers: &mut Headers) {
        let Some(name) = self.name() else { return };
        if name == header::VARY {
            let value = String::from_utf8_lossy(self.value.as_bytes());
            let members = value.split(',').map(str::trim);
            members
                .filter_map(HeaderName::new)
                .for_each(|member| headers.vary_by(member));
        } else if self.replaces {
            headers.set(name, self.value.clone());
        } else {
            headers.append(name, self.value.clone());
        }
    }

    /// Adds the fields that describe the content. A type goes before all others of these.
    fn add_to_content(&self, headers: &mut Headers) {
        let is_first = self.name() == Some(header::CONTENT_TYPE);
        let others = if is_first && !headers.contains(header::CONTENT_TYPE) {
            std::mem::take(headers)
        } else {
            Headers::new()
        };
        self.add_to(headers);
        headers.extend(&others);
    }

    fn is_of_content(&self) -> bool {
        self.name().is_some_and(|name| OF_CONTENT.contains(&name))
    }
}

impl<H: Handler> Handler for ExtraHeaders<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        let mut response = self.inner.handle(request)?;
        if response.status == StatusCode::OK {
            for field in &self.of_content {
                field.add_to_content(&mut response.headers);
            }
        }
        Ok(response)
    }

    fn server_version(&self) -> &str {
        self.server
            .as_deref()
            .unwrap_or_else(|| self.inner.server_version())
    }

    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        self.inner.amend(line, fields, response);
        let is_success = matches!(
            response.status,
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
        );
        if is_success && !response.headers.may_contain(self.block.marks()) {
            response.headers.extend(&self.block);
        } else if is_success {
            for field in &self.others {
                field.add_to(&mut response.headers);
            }
        }
    }

    forward_hooks!(self => self.inner; expect_continue, error_response, log_request, log_error,
        log_message);
}

impl FromStr for ExtraField {
    type Err = String;

    /// Parses a field as CPython does, with CPython's error messages. Unlike CPython: a field that
    /// would break the response is refused, not sent.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once(':') else {
            return Err(format!("Header {text} must be of the form Header: value"));
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return Err(format!("Header {text} must have a non-empty name"));
        }
        let Some(known) = HeaderName::new(name) else {
            return Err(format!("Header {text} must have a token as its name"));
        };
        if REFUSED.contains(&known) {
            return Err(format!("Header {name} is the server's own to send"));
        }
        let value = HeaderValue::new(value)
            .ok_or_else(|| format!("Header {name} must have a value of Latin-1 text"))?;
        Ok(Self {
            name: name.into(),
            value,
            replaces: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_cpython_reads_it() {
        for (text, expected) in [
            ("X-A: b", Ok(("X-A", "b"))),
            ("X-A:b:c ", Ok(("X-A", "b:c"))),
            (" X-A :", Ok(("X-A", ""))),
            ("X-A", Err("Header X-A must be of the form Header: value")),
            (": b", Err("Header : b must have a non-empty name")),
            ("X A: b", Err("Header X A: b must have a token as its name")),
            ("date: x", Err("Header date is the server's own to send")),
            (
                "X: a\r\nY: b",
                Err("Header X must have a value of Latin-1 text"),
            ),
            ("X: a\0", Err("Header X must have a value of Latin-1 text")),
            (
                "X: \u{20ac}",
                Err("Header X must have a value of Latin-1 text"),
            ),
        ] {
            let found = text.parse::<ExtraField>();
            let found = found.as_ref().map_err(String::as_str).map(|field| {
                let value = std::str::from_utf8(field.value.as_bytes());
                (field.name.as_str(), value.unwrap_or_default())
            });
            assert_eq!(found, expected, "{text:?}");
        }
        for name in REFUSED {
            assert!(
                format!("{name}: x").parse::<ExtraField>().is_err(),
                "{name}"
            );
        }
    }
}
