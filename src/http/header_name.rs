//! The names of header fields (RFC 9110 §5.1).

use std::fmt;

/// A field name: a token (RFC 9110 §5.6.2), compared without regard to case, kept as written.
///
/// ```
/// use rhttp::http::{HeaderName, header};
///
/// // In a constant, a name that is not a token is a compile error.
/// const X_ROBOTS_TAG: HeaderName<'static> = HeaderName::from_static("X-Robots-Tag");
/// assert_eq!(X_ROBOTS_TAG.as_str(), "X-Robots-Tag");
///
/// assert_eq!(HeaderName::new("content-type"), Some(header::CONTENT_TYPE));
/// assert_eq!(HeaderName::new("no token"), None);
/// ```
#[derive(Clone, Copy)]
pub struct HeaderName<'a> {
    text: &'a str,
    mark: u64,
}

impl<'a> HeaderName<'a> {
    /// A name known when the program is written.
    ///
    /// # Panics
    /// If `name` is not a token; in a constant that is a compile error.
    #[expect(
        clippy::panic,
        reason = "the name is the programmer's, never the network's"
    )]
    pub const fn from_static(name: &'static str) -> HeaderName<'static> {
        match HeaderName::new(name) {
            Some(name) => name,
            None => panic!("a header name must be a token"),
        }
    }

    /// The name, or `None` when `name` is not a token.
    pub const fn new(name: &'a str) -> Option<Self> {
        let mut rest = name.as_bytes();
        if rest.is_empty() {
            return None;
        }
        while let Some((&byte, tail)) = rest.split_first() {
            if !is_token_byte(byte) {
                return None;
            }
            rest = tail;
        }
        Some(Self::of_token(name))
    }

    pub(super) const fn of_token(text: &'a str) -> Self {
        Self {
            text,
            mark: mark_of(text.as_bytes()),
        }
    }

    /// One bit of 64: always the same for the same name in any case, and usually a different one
    /// for a different name.
    pub(crate) const fn mark(self) -> u64 {
        self.mark
    }

    /// The name as written.
    pub const fn as_str(self) -> &'a str {
        self.text
    }
}

impl fmt::Debug for HeaderName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeaderName").field(&self.text).finish()
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark && self.text.eq_ignore_ascii_case(other.text)
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The [mark](HeaderName::mark) of the name that is spelled like this.
pub(super) const fn mark_of(name: &[u8]) -> u64 {
    let (first, last) = match name {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (0, 0),
    };
    // Of the names that servers look up, none has the mark of another one that browsers send.
    // This bit makes letters lower-case.
    let (first, last) = ((first | 0x20) as usize, (last | 0x20) as usize);
    1 << ((name.len() + 5 * first + 15 * last) % 64)
}

/// RFC 9110 §5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header;

    #[test]
    fn a_name_is_a_token() {
        for bad in ["", "a b", "a:", "a\r\n", "\u{e9}"] {
            assert!(HeaderName::new(bad).is_none(), "{bad:?}");
        }
        assert_eq!(HeaderName::new("content-TYPE"), Some(header::CONTENT_TYPE));
    }
}
