//! The PROXY protocol, versions 1 and 2: a proxy names its client before the client's first byte.
//!
//! The source is `doc/proxy-protocol.txt` of `HAProxy`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 2 begins (§2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included (§2.1).
const LONGEST_LINE: usize = 107;
/// The most bytes that are taken after the first 16 of version 2: addresses, and what a proxy may
/// add.
const MOST_ADDED: usize = 4096;

/// The result of reading a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyHeader {
    /// It is not complete yet.
    Unfinished,
    /// It is complete: this many bytes, with the client if the proxy asks on behalf of one.
    Whole(usize, Option<SocketAddr>),
    /// It is not a header.
    Malformed,
}

/// Reads a header from what has arrived on a connection.
pub(crate) fn proxy_header(bytes: &[u8]) -> ProxyHeader {
    let start = bytes.get(..SIGNATURE.len()).unwrap_or(bytes);
    if SIGNATURE.starts_with(start) {
        binary(bytes)
    } else {
        line(bytes)
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 1 2`.
fn line(bytes: &[u8]) -> ProxyHeader {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n") else {
        let begin = b"PROXY ";
        let is_possible = bytes.len() < LONGEST_LINE
            && bytes
                .iter()
                .zip(begin)
                .all(|(byte, expected)| byte == expected);
        return if is_possible {
            ProxyHeader::Unfinished
        } else {
            ProxyHeader::Malformed
        };
    };
    let text = bytes.get(..end).and_then(|line| str::from_utf8(line).ok());
    let length = end + 2;
    let words: Vec<_> = text.unwrap_or_default().split(' ').collect();
    let client = match *words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", "TCP4", from, to, port, to_port] => {
            addresses::<Ipv4Addr>([from, to], [port, to_port]).map(Some)
        }
        ["PROXY", "TCP6", from, to, port, to_port] => {
            addresses::<Ipv6Addr>([from, to], [port, to_port]).map(Some)
        }
        _ => None,
    };
    match client {
        Some(client) if length <= LONGEST_LINE => ProxyHeader::Whole(length, client),
        _ => ProxyHeader::Malformed,
    }
}

/// The first of two addresses and ports, all of which must be valid.
fn addresses<A: std::str::FromStr + Into<IpAddr>>(
    [from, to]: [&str; 2],
    [port, to_port]: [&str; 2],
) -> Option<SocketAddr> {
    let ip = from.parse::<A>().ok()?;
    to.parse::<A>().ok()?;
    to_port.parse::<u16>().ok()?;
    Some(SocketAddr::new(ip.into(), port.parse().ok()?))
}

/// Version 2.
fn binary(bytes: &[u8]) -> ProxyHeader {
    let Some((&[version_and_command, family, high, low], added)) = bytes
        .get(SIGNATURE.len()..)
        .and_then(|rest| rest.split_first_chunk())
    else {
        return ProxyHeader::Unfinished;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version_and_command >> 4 != 2 || length > MOST_ADDED {
        return ProxyHeader::Malformed;
    }
    let Some(added) = added.get(..length) else {
        return ProxyHeader::Unfinished;
    };
    let client = match (version_and_command & 0xf, family) {
        // TCP over IPv4, over IPv6.
        (1, 0x11) => match added.first_chunk::<12>() {
            Some(&[a, b, c, d, _, _, _, _, high, low, _, _]) => Some(SocketAddr::from((
                [a, b, c, d],
                u16::from_be_bytes([high, low]),
            ))),
            None => return ProxyHeader::Malformed,
        },
        (1, 0x21) => {
            let ip = added.first_chunk::<16>();
            let port = added.get(32..34).and_then(|port| port.first_chunk::<2>());
            match (ip, port) {
                (Some(ip), Some(port)) => Some(SocketAddr::from((*ip, u16::from_be_bytes(*port)))),
                _ => return ProxyHeader::Malformed,
            }
        }
        // LOCAL: the proxy asks for itself; or the client has no Internet address.
        (0 | 1, _) => None,
        _ => return ProxyHeader::Malformed,
    };
    ProxyHeader::Whole(SIGNATURE.len() + 4 + length, client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v2(command: u8, family: u8, added: &[u8]) -> Vec<u8> {
        let length = u16::try_from(added.len())
            .expect("it is short")
            .to_be_bytes();
        [SIGNATURE, &[command, family], &length, added].concat()
    }

    #[test]
    fn headers_of_both_versions_are_read() {
        let four = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 0, 80];
        let mut six = [0; 36];
        six[15] = 1;
        six[32..34].copy_from_slice(&[0, 7]);
        let with_more = [&four[..], &[4, 0, 1, 0]].concat();
        for (bytes, expected) in [
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 4660 80\r\n".to_vec(),
                Some("192.0.2.1:4660"),
            ),
            (b"PROXY TCP6 ::1 ::2 7 80\r\n".to_vec(), Some("[::1]:7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN whatever\r\n".to_vec(), None),
            (v2(0x21, 0x11, &four), Some("192.0.2.1:4660")),
            (v2(0x21, 0x11, &with_more), Some("192.0.2.1:4660")),
            (v2(0x21, 0x21, &six), Some("[::1]:7")),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x20, 0x11, &four), None),
            (v2(0x21, 0x31, &[0; 216]), None),
        ] {
            let client = expected.map(|text| text.parse().expect("an address"));
            let whole = ProxyHeader::Whole(bytes.len(), client);
            let and_more = [&bytes, &b"GET / HTTP/1.0\r\n"[..]].concat();
            assert_eq!(proxy_header(&and_more), whole);
            for end in 0..bytes.len() {
                assert_eq!(
                    proxy_header(&bytes[..end]),
                    ProxyHeader::Unfinished,
                    "{end}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bytes in [
            b"GET / HTTP/1.0\r\n".to_vec(),
            b"PROXY\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::2 1 2\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n".to_vec(),
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n".to_vec(),
            b"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n".to_vec(),
            [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 100]].concat(),
            v2(0x11, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
            v2(0x21, 0x21, &[0; 20]),
            [SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat(),
        ] {
            assert_eq!(
                proxy_header(&bytes),
                ProxyHeader::Malformed,
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(mut bytes: Vec<u8>, is_binary: bool) {
            if is_binary {
                bytes.splice(0..0, SIGNATURE.iter().copied());
            }
            if let ProxyHeader::Whole(length, _) = proxy_header(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
