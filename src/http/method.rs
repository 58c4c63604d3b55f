//! Request methods (RFC 9110 §9).

use super::text::Latin1;
use std::fmt;

/// A request method: case-sensitive, and any word at all until a handler recognizes it.
///
/// Where Python looks for a method named `do_SPAM`, a [`Handler`](crate::Handler) compares:
///
/// ```
/// use rhttp::http::Method;
/// assert_eq!(Method::new(b"GET"), Method::GET);
/// assert_ne!(Method::new(b"get"), Method::GET);
///
/// /// Whether a request may change something.
/// fn writes(method: Method<'_>) -> bool {
///     match method {
///         Method::GET | Method::HEAD | Method::OPTIONS => false,
///         Method::POST | Method::PUT | Method::DELETE => true,
///         // Better safe than sorry: WebDAV has many.
///         other => other.as_text().as_bytes() != b"PROPFIND",
///     }
/// }
/// assert!(writes(Method::new(b"MKCOL")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "command")]
pub struct Method<'a>(Latin1<'a>);

impl<'a> Method<'a> {
    /// Transfer the current representation (RFC 9110 §9.3.1).
    pub const GET: Method<'static> = Method::new(b"GET");
    /// As GET, without the content (RFC 9110 §9.3.2).
    pub const HEAD: Method<'static> = Method::new(b"HEAD");
    /// Process the enclosed content (RFC 9110 §9.3.3).
    pub const POST: Method<'static> = Method::new(b"POST");
    /// Replace the target with the enclosed content (RFC 9110 §9.3.4).
    pub const PUT: Method<'static> = Method::new(b"PUT");
    /// Remove the target (RFC 9110 §9.3.5).
    pub const DELETE: Method<'static> = Method::new(b"DELETE");
    /// Describe the communication options (RFC 9110 §9.3.7).
    pub const OPTIONS: Method<'static> = Method::new(b"OPTIONS");

    /// The method that `word` in a request line names.
    pub const fn new(word: &'a [u8]) -> Self {
        Self(Latin1::new(word))
    }

    /// The word as received.
    pub const fn as_text(self) -> Latin1<'a> {
        self.0
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
