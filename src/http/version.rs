//! Protocol versions (RFC 9110 §2.5).

use std::borrow::Cow;
use std::fmt;

/// The version of a message, `HTTP/major.minor`.
///
/// ```
/// use rhttp::http::Version;
///
/// assert_eq!(Version::parse_number(b"1.1"), Some(Version::HTTP_11));
/// assert_eq!(Version::new(1, 0), Version::HTTP_10);
/// assert_eq!(Version::HTTP_09.to_string(), "HTTP/0.9");
/// assert!(Version::HTTP_11 < Version::HTTP_20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u64,
    minor: u64,
}

impl Version {
    /// The request is one line and the response is a bare body; there are no header fields.
    pub const HTTP_09: Version = Version::new(0, 9);
    /// A connection for each request.
    pub const HTTP_10: Version = Version::new(1, 0);
    /// Connections persist.
    pub const HTTP_11: Version = Version::new(1, 1);
    /// The first version that this server does not speak.
    pub const HTTP_20: Version = Version::new(2, 0);

    /// The version `HTTP/major.minor`.
    pub const fn new(major: u64, minor: u64) -> Self {
        Self { major, minor }
    }

    /// Reads what follows `HTTP/` as CPython does: two runs of one to ten digits around a dot.
    pub fn parse_number(text: &[u8]) -> Option<Self> {
        let dot = text.iter().position(|&byte| byte == b'.')?;
        let (major, minor) = text.split_at_checked(dot)?;
        Some(Self::new(component(major)?, component(minor.get(1..)?)?))
    }

    /// `HTTP/major.minor`, without formatting for the versions that clients speak.
    pub(crate) fn to_text(self) -> Cow<'static, str> {
        match self {
            Self::HTTP_11 => "HTTP/1.1".into(),
            Self::HTTP_10 => "HTTP/1.0".into(),
            _ => self.to_string().into(),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/{}.{}", self.major, self.minor)
    }
}

/// One number of a version; its length is bounded, so it always fits.
fn component(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    digits.iter().try_fold(0, |number, &digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions_as_cpython_does() {
        for (text, expected) in [
            ("1.0", Some(Version::HTTP_10)),
            ("01.01", Some(Version::HTTP_11)),
            ("1.10", Some(Version::new(1, 10))),
            ("9999999999.0", Some(Version::new(9_999_999_999, 0))),
            ("12345678901.1", None),
            ("1", None),
            ("1.", None),
            (".1", None),
            ("1.1.1", None),
            ("+1.1", None),
            ("", None),
        ] {
            assert_eq!(Version::parse_number(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(Version::parse_number(b"\xb2.0"), None);
    }

    #[test]
    fn minor_versions_are_numbers_not_text() {
        assert!(Version::new(1, 10) > Version::HTTP_11);
        assert!(Version::HTTP_09 < Version::HTTP_10);
    }
}
