//! The `Host` field of a request (RFC 9112 §3.2).

use crate::http::{FieldLines, HeaderValue, HttpError, RequestLine, StatusCode, Version, header};

/// Refuses an HTTP/1.1 request with more than one `Host`, or one that is not a host: two servers on
/// the way of a request might read two different hosts.
///
/// Unlike RFC 9112, a request without any is served, as in CPython, which does not look at `Host`
/// at all.
pub(crate) fn check_host(line: &RequestLine<'_>, fields: FieldLines<'_>) -> Result<(), HttpError> {
    if line.version < Version::HTTP_11 {
        return Ok(());
    }
    let mut hosts = fields.get_all(header::HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(()),
        (Some(host), None) if is_host(host) => Ok(()),
        _ => Err(HttpError::new(StatusCode::BAD_REQUEST).with_message("Bad Host field")),
    }
}

/// Where to redirect a client that has sent HTTP to an HTTPS port: the same target of the same
/// host, if its `Host` names one, and this server's port, and nothing else.
pub(crate) fn https_location(
    line: &RequestLine<'_>,
    fields: FieldLines<'_>,
    port: Option<u16>,
) -> Option<HeaderValue> {
    let mut hosts = fields.get_all(header::HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return None;
    };
    let suffix = format!(":{}", port?);
    let name = host.strip_suffix(suffix.as_bytes())?;
    let target = line.target.as_text().as_bytes();
    let is_safe = target.starts_with(b"/") && target.iter().all(|byte| matches!(byte, b'!'..=b'~'));
    if name.is_empty() || !is_host(host) || !is_safe {
        return None;
    }
    HeaderValue::from_bytes(&[b"https://", host, target].concat())
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2). An empty host is valid, too: it is for
/// targets without an authority.
fn is_host(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', rest) else {
            return false;
        };
        let (address, after) = rest.split_at_checked(end).unwrap_or_default();
        return !address.is_empty()
            && address.iter().all(|&byte| is_of_name(byte) || byte == b':')
            && is_port(after.get(1..).unwrap_or_default());
    }
    let end = value.iter().position(|&byte| !is_of_name(byte));
    match value.get(end.unwrap_or(value.len())..).unwrap_or_default() {
        rest @ [b'%', ..] => {
            let colon = memchr::memchr(b':', rest).unwrap_or(rest.len());
            let (name, port) = rest.split_at_checked(colon).unwrap_or_default();
            is_name(name) && is_port(port)
        }
        rest => is_port(rest),
    }
}

/// A registered name or an IPv4 address (RFC 3986 §3.2.2).
fn is_name(mut name: &[u8]) -> bool {
    while let Some((&byte, rest)) = name.split_first() {
        name = match (byte, rest) {
            (b'%', [high, low, rest @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest
            }
            (b'%', _) => return false,
            (byte, rest) if is_of_name(byte) => rest,
            _ => return false,
        };
    }
    true
}

/// Unreserved characters and sub-delims (RFC 3986 §2.2, §2.3).
fn is_of_name(byte: u8) -> bool {
    OF_NAME.get(usize::from(byte)).is_some_and(|&is| is)
}

/// Looking a byte up takes a third of what comparing it takes.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the compiler computes it"
)]
const OF_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b';'
                    | b'='
            );
        byte += 1;
    }
    table
};

/// Nothing, or a colon and digits.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{FieldLine, Latin1, Method, RequestTarget};

    #[test]
    fn only_the_same_place_is_redirected_to() {
        for (host, target, expected) in [
            ("a:1", "/x?y", Some("https://a:1/x?y")),
            ("[::1]:1", "/", Some("https://[::1]:1/")),
            ("a", "/", None),
            ("a:2", "/", None),
            ("a:11", "/", None),
            (":1", "/", None),
            ("a@b:1", "/", None),
            ("a/b:1", "/", None),
            ("a:1", "x", None),
            ("a:1", "*", None),
            ("a:1", "/\u{e9}", None),
        ] {
            let line = RequestLine {
                text: Latin1::new(b""),
                method: Method::GET,
                target: RequestTarget::new(target.as_bytes()),
                version: Version::HTTP_11,
            };
            let lines = [FieldLine::new("Host", host.as_bytes())];
            let location = https_location(&line, FieldLines::new(&lines), Some(1));
            let location = location.as_ref().map(HeaderValue::as_bytes);
            assert_eq!(location, expected.map(str::as_bytes), "{host} {target}");
        }
    }

    fn is_accepted(version: Version, hosts: &[&str]) -> bool {
        let lines: Vec<_> = hosts
            .iter()
            .map(|host| FieldLine::new("host", host.as_bytes()))
            .collect();
        let line = RequestLine {
            text: Latin1::new(b""),
            method: Method::GET,
            target: RequestTarget::new(b"/"),
            version,
        };
        check_host(&line, FieldLines::new(&lines)).is_ok()
    }

    #[test]
    fn one_host_is_one_host() {
        for (host, expected) in [
            ("example.com", true),
            ("example.com:8000", true),
            ("example.com:", true),
            ("127.0.0.1:80", true),
            ("[::1]", true),
            ("[::1]:8000", true),
            ("[v1.a:b]", true),
            ("my_host", true),
            ("a%2Db", true),
            ("", true),
            ("a b", false),
            ("a/b", false),
            ("a@b", false),
            ("user@host", false),
            ("http://a", false),
            ("a:b", false),
            ("a:1:2", false),
            ("a%2", false),
            ("a%zz", false),
            ("[::1", false),
            ("[]", false),
            ("[::1]x", false),
            ("[::1%25eth0]:1", false),
            ("a,b c", false),
            ("caf\u{e9}", false),
            ("a\tb", false),
            ("a?b", false),
            ("a#b", false),
        ] {
            assert_eq!(is_accepted(Version::HTTP_11, &[host]), expected, "{host:?}");
            assert!(is_accepted(Version::HTTP_10, &[host]), "{host:?}");
        }
        assert!(is_accepted(Version::HTTP_11, &[]));
        for hosts in [["a", "b"], ["a", "a"]] {
            assert!(!is_accepted(Version::HTTP_11, &hosts), "{hosts:?}");
            assert!(is_accepted(Version::HTTP_10, &hosts), "{hosts:?}");
        }
    }
}
