//! How a resource is requested (RFC 9110 §4.2).

use std::fmt;

/// The scheme of a resource's URL.
///
/// ```
/// use rhttp::http::Scheme;
/// assert_eq!(Scheme::Https.to_string(), "https");
/// assert_eq!(Scheme::default(), Scheme::Http);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Over a connection that anybody along the path can read.
    #[default]
    Http,
    /// Over TLS.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
