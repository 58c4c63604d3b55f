//! How long browsers may use a file without revalidating it: `--cache` (RFC 9111 §5.2.2).

use crate::handler::Handler;
use crate::http::{
    FieldLines, HeaderValue, Headers, HttpError, Request, RequestLine, Response, StatusCode, header,
};
use std::str::FromStr;

/// Tells caches what to do with the responses of another handler.
///
/// Files, listings and the redirect of a directory to its slash get the `Cache-Control` given here,
/// errors get `no-store`. A script sets its own.
///
/// ```
/// use rhttp::{CacheControl, Caching, FileHandler};
///
/// let files = CacheControl::new(FileHandler::new("dist"), Caching::Revalidate);
/// ```
#[derive(Debug)]
pub struct CacheControl<H> {
    inner: H,
    /// The field of files, listings and redirects.
    field: Headers,
    /// The field of errors.
    no_store: Headers,
}

/// What caches are allowed to do.
///
/// ```
/// use rhttp::Caching;
///
/// assert_eq!("no-store".parse(), Ok(Caching::Nothing));
/// assert_eq!("no-cache".parse(), Ok(Caching::Revalidate));
/// assert_eq!("3600".parse(), Ok(Caching::Seconds(3600)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caching {
    /// `no-store`: nothing is stored.
    Nothing,
    /// `no-cache`: a stored response is used only after the server has confirmed, by a 304, that it
    /// is current.
    Revalidate,
    /// `max-age`: a stored response is used for this many seconds without revalidation.
    Seconds(u32),
}

impl<H> CacheControl<H> {
    /// Answers as `inner` does, and allows caches to do this.
    pub fn new(inner: H, caching: Caching) -> Self {
        let value = match caching {
            Caching::Nothing => HeaderValue::from("no-store"),
            Caching::Revalidate => HeaderValue::from("no-cache"),
            Caching::Seconds(seconds) => HeaderValue::displayed(format_args!("max-age={seconds}")),
        };
        let field = |value| {
            let mut field = Headers::new();
            field.append(header::CACHE_CONTROL, value);
            field
        };
        Self {
            inner,
            field: field(value),
            no_store: field(HeaderValue::from("no-store")),
        }
    }
}

impl<H: Handler> Handler for CacheControl<H> {
    fn handle(&self, request: &mut Request<'_>) -> Result<Response, HttpError> {
        self.inner.handle(request)
    }

    fn amend(&self, line: &RequestLine<'_>, fields: FieldLines<'_>, response: &mut Response) {
        self.inner.amend(line, fields, response);
        let is_script = response.body.is_exchange();
        let headers = &mut response.headers;
        match response.status {
            // Without it, browsers may keep a 301 for ever (RFC 9110 §15.4.2).
            StatusCode::OK
            | StatusCode::PARTIAL_CONTENT
            | StatusCode::MOVED_PERMANENTLY
            | StatusCode::NOT_MODIFIED
                if !is_script =>
            {
                headers.set_all(&self.field);
            }
            status
                if status >= StatusCode::BAD_REQUEST
                    && !(is_script && headers.contains(header::CACHE_CONTROL)) =>
            {
                headers.set_all(&self.no_store);
            }
            _ => {}
        }
    }

    forward_hooks!(self => self.inner; server_version, expect_continue, error_response,
        log_request, log_error, log_message);
}

impl FromStr for Caching {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text {
            "no-store" => Ok(Self::Nothing),
            "no-cache" => Ok(Self::Revalidate),
            // RFC 9111 §1.2.2: a number too large for a cache counts as the largest that it
            // supports.
            number if is_number => Ok(Self::Seconds(number.parse().unwrap_or(u32::MAX >> 1))),
            _ => Err("not no-store, no-cache or a number of seconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_digits() {
        for (text, expected) in [
            ("no-store", Some(Caching::Nothing)),
            ("no-cache", Some(Caching::Revalidate)),
            ("0", Some(Caching::Seconds(0))),
            ("31536000", Some(Caching::Seconds(31_536_000))),
            ("99999999999", Some(Caching::Seconds(2_147_483_647))),
            ("+1", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("No-Cache", None),
        ] {
            assert_eq!(text.parse::<Caching>().ok(), expected, "{text}");
        }
    }
}
