//! What proxies say about their clients: `X-Forwarded-For`, `X-Forwarded-Proto`, and `Forwarded`
//! (RFC 7239).
//!
//! Anybody can send these fields. A proxy appends the address of its own client to the list, so the
//! list is read from its end, as far as the proxies that have appended to it are trusted.

use crate::http::{FieldLines, HeaderName, Peer, Scheme, TrustedProxy, members};
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName<'static> = HeaderName::from_static("X-Forwarded-For");
const X_FORWARDED_PROTO: HeaderName<'static> = HeaderName::from_static("X-Forwarded-Proto");
const FORWARDED: HeaderName<'static> = HeaderName::from_static("Forwarded");

/// What a trusted proxy says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The client, if the proxy names it.
    pub(crate) client: Option<IpAddr>,
    /// What the client speaks, if the proxy says so.
    pub(crate) scheme: Option<Scheme>,
}

/// What `peer` says about its client in the fields of a request, as far as that can be trusted.
pub(crate) fn forwarded(
    peer: &Peer,
    fields: FieldLines<'_>,
    trusted: &[TrustedProxy],
) -> Forwarded {
    if !trusted.iter().any(|proxy| proxy.covers(peer)) {
        return Forwarded::default();
    }
    let is_trusted = |ip| trusted.iter().any(|proxy| proxy.covers_ip(ip));
    let hops: Vec<_> = if fields.contains(X_FORWARDED_FOR) {
        fields.list(X_FORWARDED_FOR).map(address).collect()
    } else {
        elements(fields)
            .map(|element| parameter(element, "for").and_then(|name| node(&name)))
            .collect()
    };
    let proto = match fields.list(X_FORWARDED_PROTO).last() {
        None => elements(fields)
            .last()
            .and_then(|element| parameter(element, "proto")),
        last => last.map(Into::into),
    };
    Forwarded {
        client: client(hops, is_trusted),
        scheme: proto.and_then(|proto| scheme(&proto)),
    }
}

/// The last hop that is not trusted itself. Anything but an address ends the list: the hops before
/// it cannot be known.
fn client(hops: Vec<Option<IpAddr>>, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut client = None;
    for hop in hops.into_iter().rev() {
        client = Some(hop.or(client)?);
        if !hop.is_some_and(&is_trusted) {
            break;
        }
    }
    client
}

fn scheme(proto: &[u8]) -> Option<Scheme> {
    match proto.to_ascii_lowercase().as_slice() {
        b"https" => Some(Scheme::Https),
        b"http" => Some(Scheme::Http),
        _ => None,
    }
}

/// An address, which may be in brackets and have a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        let is_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
        return ip.parse().ok().filter(|ip: &IpAddr| ip.is_ipv6() && is_end);
    }
    let (ip, port) = text.split_once(':')?;
    ip.parse()
        .ok()
        .filter(|ip: &IpAddr| ip.is_ipv4() && is_number(port))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The elements of all `Forwarded` fields. Commas in quoted strings do not separate them (§4).
fn elements(fields: FieldLines<'_>) -> impl Iterator<Item = &[u8]> {
    fields
        .get_all(FORWARDED)
        .flat_map(|value| split(value, b','))
}

/// The parts of a value between marks that are not in quotes.
fn split(value: &[u8], mark: u8) -> Vec<&[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let between = |&byte: &u8| {
        let escapes = is_quoted && byte == b'\\' && !is_escaped;
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = escapes;
        byte == mark && !is_quoted
    };
    let parts = value.split(between).map(<[u8]>::trim_ascii);
    parts.filter(|part| !part.is_empty()).collect()
}

/// The value of a parameter of an element, without its quotes.
fn parameter(element: &[u8], name: &str) -> Option<Vec<u8>> {
    split(element, b';').into_iter().find_map(|pair| {
        let equals = memchr::memchr(b'=', pair)?;
        let (key, value) = pair.split_at_checked(equals)?;
        if !key.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        let value = value.get(1..)?.trim_ascii();
        let quoted = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""));
        Some(quoted.map_or_else(|| value.to_vec(), unescape))
    })
}

fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = quoted.iter();
    std::iter::from_fn(|| match bytes.next()? {
        b'\\' => bytes.next().copied(),
        byte => Some(*byte),
    })
    .collect()
}

/// The address in a node's name (§6); `unknown` and made-up names have none.
fn node(name: &[u8]) -> Option<IpAddr> {
    // A quoted name may hold more than one address.
    members(name).next().and_then(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FieldLine;

    fn said(peer: &str, fields: &[(&'static str, &str)]) -> (Option<String>, Option<Scheme>) {
        let trusted = ["10.0.0.0/8", "::1", "unix"].map(|text| text.parse().expect("a proxy"));
        let lines: Vec<_> = fields
            .iter()
            .map(|(name, value)| FieldLine::new(name, value.as_bytes()))
            .collect();
        let peer = match peer {
            "unix" => Peer::Unix(None),
            ip => Peer::Ip((ip.parse::<IpAddr>().expect("an address"), 1).into()),
        };
        let Forwarded { client, scheme } = forwarded(&peer, FieldLines::new(&lines), &trusted);
        (client.map(|ip| ip.to_string()), scheme)
    }

    #[test]
    fn only_what_trusted_proxies_have_added_is_believed() {
        const XFF: &str = "x-forwarded-for";
        for (peer, fields, expected) in [
            ("10.0.0.1", &[(XFF, "1.2.3.4")][..], Some("1.2.3.4")),
            ("::1", &[(XFF, "1.2.3.4")], Some("1.2.3.4")),
            ("unix", &[(XFF, "1.2.3.4")], Some("1.2.3.4")),
            ("::ffff:10.0.0.1", &[(XFF, "1.2.3.4")], Some("1.2.3.4")),
            // Anybody may send anything.
            ("9.9.9.9", &[(XFF, "1.2.3.4")], None),
            ("10.0.0.1", &[(XFF, "6.6.6.6, 1.2.3.4")], Some("1.2.3.4")),
            (
                "10.0.0.1",
                &[(XFF, "6.6.6.6, 1.2.3.4, 10.9.9.9")],
                Some("1.2.3.4"),
            ),
            (
                "10.0.0.1",
                &[(XFF, "6.6.6.6"), (XFF, "1.2.3.4")],
                Some("1.2.3.4"),
            ),
            ("10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")], Some("10.0.0.3")),
            // Anything but an address ends the list.
            ("10.0.0.1", &[(XFF, "1.2.3.4, nonsense")], None),
            (
                "10.0.0.1",
                &[(XFF, "1.2.3.4, nonsense, 10.0.0.2")],
                Some("10.0.0.2"),
            ),
            ("10.0.0.1", &[(XFF, "")], None),
            ("10.0.0.1", &[(XFF, "1.2.3.4:567")], Some("1.2.3.4")),
            (
                "10.0.0.1",
                &[(XFF, "[2001:db8::1]:567")],
                Some("2001:db8::1"),
            ),
            ("10.0.0.1", &[(XFF, "2001:db8::1")], Some("2001:db8::1")),
            ("10.0.0.1", &[(XFF, "[2001:db8::1")], None),
            ("10.0.0.1", &[(XFF, "1.2.3.4:x")], None),
            ("10.0.0.1", &[(XFF, "\u{1}\u{ff}")], None),
            ("10.0.0.1", &[("forwarded", "for=1.2.3.4")], Some("1.2.3.4")),
            (
                "10.0.0.1",
                &[("forwarded", "for=6.6.6.6, For=\"[2001:db8::1]:5\";by=x")],
                Some("2001:db8::1"),
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=6.6.6.6, for=unknown")],
                None,
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=6.6.6.6, for=_hidden")],
                None,
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=\"1.2.3.4, for=6.6.6.6\"")],
                Some("1.2.3.4"),
            ),
            ("10.0.0.1", &[("forwarded", "for=\"")], None),
            ("10.0.0.1", &[("forwarded", "by=x;proto=https")], None),
            (
                "10.0.0.1",
                &[("forwarded", "for=6.6.6.6"), (XFF, "1.2.3.4")],
                Some("1.2.3.4"),
            ),
            ("10.0.0.1", &[], None),
        ] {
            let (client, _) = said(peer, fields);
            assert_eq!(client.as_deref(), expected, "{peer} {fields:?}");
        }
    }

    #[test]
    fn the_last_word_on_the_scheme_counts() {
        const PROTO: &str = "X-Forwarded-Proto";
        for (peer, fields, expected) in [
            ("10.0.0.1", &[(PROTO, "https")][..], Some(Scheme::Https)),
            ("10.0.0.1", &[(PROTO, "HTTPS")], Some(Scheme::Https)),
            ("10.0.0.1", &[(PROTO, "http")], Some(Scheme::Http)),
            ("10.0.0.1", &[(PROTO, "https, http")], Some(Scheme::Http)),
            ("10.0.0.1", &[(PROTO, "ftp")], None),
            (
                "10.0.0.1",
                &[("Forwarded", "for=x;Proto=https")],
                Some(Scheme::Https),
            ),
            ("9.9.9.9", &[(PROTO, "https")], None),
        ] {
            assert_eq!(said(peer, fields).1, expected, "{peer} {fields:?}");
        }
    }
}
