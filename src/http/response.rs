//! Responses, as values.

use super::{Body, HeaderName, HeaderValue, Headers, StatusCode};
use std::borrow::Cow;

/// What a handler returns. The connection decides the rest: framing, `Server`, `Date`, whether the
/// body is sent (not for HEAD), whether the connection persists.
///
/// ```
/// use rhttp::http::{Response, StatusCode, header};
/// let response = Response::new(StatusCode::OK)
///     .with_header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
///     .with_body("It works.\n");
/// assert_eq!(response.body.len(), Some(10));
/// assert_eq!(response.reason(), "OK");
///
/// // What another handler has answered can be changed.
/// let mut response = response;
/// response.status = StatusCode::NOT_FOUND;
/// response.reason = Some("It Works Elsewhere".into());
/// response.headers.set(header::CONTENT_TYPE, "text/plain");
/// assert_eq!(response.reason(), "It Works Elsewhere");
/// ```
#[derive(Debug)]
#[doc(alias = "send_response")]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, if it is not the code's own. Control characters and characters that
    /// Latin-1 lacks go out as `?`.
    pub reason: Option<Cow<'static, str>>,
    /// Header fields in the order in which they are sent.
    ///
    /// The connection writes `Content-Length` and `Transfer-Encoding` itself, after the content
    /// type; both are ignored here (in a response without a type, a length marks its position).
    /// `Connection: close` closes the connection, as in Python.
    pub headers: Headers,
    /// The content.
    pub body: Body,
}

impl Response {
    const POLICY: &str = "script-src 'self'; object-src 'none'; base-uri 'none'";

    /// An empty response.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: None,
            headers: Headers::new(),
            body: Body::default(),
        }
    }

    /// The same with one more header field.
    pub fn with_header(mut self, name: HeaderName<'_>, value: impl Into<HeaderValue>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same with this content.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The phrase after the status code: the response's own, or the code's.
    pub fn reason(&self) -> &str {
        self.reason
            .as_deref()
            .or(self.status.phrase())
            .unwrap_or("")
    }

    /// Adds the fields that keep a page made by this server harmless, whatever names it shows:
    /// browsers neither sniff it for another type nor run scripts embedded in it. It may load what
    /// this origin serves: people open such a page to try out a script from it.
    pub(crate) fn hardened(self) -> Self {
        self.hardened_by(Self::POLICY)
    }

    /// The same with another `Content-Security-Policy`, for a page with a script of its own.
    pub(crate) fn hardened_by(mut self, policy: &'static str) -> Self {
        let fields = [
            (super::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (super::header::CONTENT_SECURITY_POLICY, policy),
        ];
        for (name, value) in fields {
            self.headers.extend_with(name, value.as_bytes());
        }
        self
    }
}
