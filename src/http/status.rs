//! Status codes with the phrase and the explanation that CPython's `http.HTTPStatus` gives them.

mod table;

use std::fmt;

/// A status code, 100 to 999 (RFC 9110 §15).
///
/// ```
/// use rhttp::http::StatusCode;
///
/// let status = StatusCode::new(404).expect("it has three digits");
/// assert_eq!(status, StatusCode::NOT_FOUND);
/// assert_eq!(status.as_u16(), 404);
/// assert_eq!(status.phrase(), Some("Not Found"));
/// assert_eq!(status.explanation(), Some("Nothing matches the given URI"));
///
/// // RFC 9110 asks two questions of a response.
/// assert!(!StatusCode::NOT_MODIFIED.allows_content());
/// assert!(!StatusCode::NO_CONTENT.allows_length());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "HTTPStatus")]
#[doc(alias = "responses")]
pub struct StatusCode(u16);

/// Defines a constant for each code that this crate or a handler is likely to name.
macro_rules! status_codes {
    ($($name:ident = $code:literal, $doc:literal;)*) => {
        impl StatusCode {
            $(#[doc = $doc] pub const $name: StatusCode = StatusCode($code);)*
        }
    };
}

status_codes! {
    CONTINUE = 100, "The client should go on and send its body.";
    OK = 200, "The request succeeded.";
    CREATED = 201, "The request created a resource.";
    NO_CONTENT = 204, "The request succeeded, and the response has no content.";
    RESET_CONTENT = 205, "The request succeeded and the form should be cleared.";
    PARTIAL_CONTENT = 206, "Parts of the representation follow.";
    MOVED_PERMANENTLY = 301, "The target has a new permanent URI.";
    FOUND = 302, "The target is temporarily elsewhere.";
    SEE_OTHER = 303, "The result of the request is at another URI.";
    NOT_MODIFIED = 304, "The client's copy is current.";
    BAD_REQUEST = 400, "The request is malformed.";
    UNAUTHORIZED = 401, "The client has to authenticate.";
    FORBIDDEN = 403, "The server refuses to serve the request.";
    NOT_FOUND = 404, "There is no such resource.";
    REQUEST_TIMEOUT = 408, "The request did not arrive in time.";
    CONFLICT = 409, "The request conflicts with the state of the target.";
    PRECONDITION_FAILED = 412, "A condition of the request does not hold.";
    CONTENT_TOO_LARGE = 413, "The body of the request is too large.";
    URI_TOO_LONG = 414, "The request line is too long.";
    UNSUPPORTED_MEDIA_TYPE = 415, "The body of the request is of the wrong type.";
    RANGE_NOT_SATISFIABLE = 416, "No requested range lies inside the representation.";
    TOO_MANY_REQUESTS = 429, "The client sent too many requests.";
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431, "The head of the request is too large.";
    INTERNAL_SERVER_ERROR = 500, "The server failed.";
    NOT_IMPLEMENTED = 501, "The server does not know the method.";
    BAD_GATEWAY = 502, "A program behind the server gave an invalid answer.";
    GATEWAY_TIMEOUT = 504, "A program behind the server did not answer in time.";
    SERVICE_UNAVAILABLE = 503, "The server is overloaded.";
    HTTP_VERSION_NOT_SUPPORTED = 505, "The server does not speak this version.";
    INSUFFICIENT_STORAGE = 507, "The disk is full.";
}

/// The least code.
const FIRST: u16 = 100;
/// How many digits a code has.
const DIGITS: usize = 3;
/// All codes, one after the other: their text is never put together at run time.
const CODES: &str = match std::str::from_utf8(&CODE_BYTES) {
    Ok(codes) => codes,
    Err(_) => "",
};
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the compiler computes it"
)]
const CODE_BYTES: [u8; 900 * DIGITS] = {
    let mut bytes = [0; 900 * DIGITS];
    let mut code = 0;
    while code < 900 {
        let digits = [code / 100 + 1, code / 10 % 10, code % 10];
        let mut place = 0;
        while place < DIGITS {
            bytes[code * DIGITS + place] = b'0' + digits[place] as u8;
            place += 1;
        }
        code += 1;
    }
    bytes
};

impl StatusCode {
    /// The code as a value, or `None` if it does not have three digits.
    pub const fn new(code: u16) -> Option<Self> {
        if code >= FIRST && code <= 999 {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// The number's three digits.
    pub(crate) fn as_str(self) -> &'static str {
        let start = usize::from(self.0 - FIRST) * DIGITS;
        CODES.get(start..start + DIGITS).unwrap_or_default()
    }

    /// The reason phrase, or `None` for a code that CPython does not know.
    pub fn phrase(self) -> Option<&'static str> {
        self.row().map(|&(_, phrase, _)| phrase)
    }

    /// CPython's longer explanation; empty for some codes, `None` for one it does not know.
    pub fn explanation(self) -> Option<&'static str> {
        self.row().map(|&(_, _, explanation)| explanation)
    }

    /// Whether a response with this status may have content (RFC 9110 §6.4.1, §15.3.6).
    pub const fn allows_content(self) -> bool {
        self.0 >= 200 && !matches!(self.0, 204 | 205 | 304)
    }

    /// Whether a response with this status may declare a length (RFC 9110 §8.6).
    ///
    /// A 304 may, but CPython's does not.
    pub const fn allows_length(self) -> bool {
        self.0 >= 200 && !matches!(self.0, 204 | 304)
    }

    fn row(self) -> Option<&'static (u16, &'static str, &'static str)> {
        let rows = table::STATUSES;
        rows.binary_search_by_key(&self.0, |row| row.0)
            .ok()
            .and_then(|index| rows.get(index))
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(table::STATUSES.is_sorted_by_key(|row| row.0));
        assert_eq!(StatusCode::NOT_FOUND.phrase(), Some("Not Found"));
        assert_eq!(
            StatusCode::NOT_FOUND.explanation(),
            Some("Nothing matches the given URI")
        );
        assert_eq!(StatusCode(299).phrase(), None);
    }

    #[test]
    fn a_code_has_three_digits() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(1000), None);
        assert_eq!(StatusCode::new(404), Some(StatusCode::NOT_FOUND));
    }
}
