//! Proxies that are trusted to name their clients.

use super::Peer;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A proxy, or a network of proxies, that reports on whose behalf it sends a request.
///
/// ```
/// use rhttp::http::{Peer, TrustedProxy};
///
/// let network: TrustedProxy = "10.0.0.0/8".parse()?;
/// assert!(network.covers(&Peer::Ip(([10, 1, 2, 3], 80).into())));
/// assert!(!network.covers(&Peer::Ip(([11, 1, 2, 3], 80).into())));
/// assert!(matches!(network, TrustedProxy::Network { bits: 8, .. }));
/// assert_eq!("unix".parse(), Ok(TrustedProxy::Unix));
/// assert!("10.0.0.0/99".parse::<TrustedProxy>().is_err());
/// # Ok::<(), rhttp::http::BadTrustedProxy>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustedProxy {
    /// The addresses whose first `bits` are those of `address`.
    Network {
        /// An address of the network.
        address: IpAddr,
        /// The length of the network prefix, in bits.
        bits: u8,
    },
    /// Any peer that connects over a Unix socket.
    Unix,
}

/// Text that does not name a proxy: neither `ADDRESS[/BITS]` nor `unix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadTrustedProxy;

impl TrustedProxy {
    /// Whether this peer is a trusted proxy.
    pub fn covers(&self, peer: &Peer) -> bool {
        match (self, peer.ip()) {
            (Self::Unix, None) => true,
            (Self::Network { .. }, Some(ip)) => self.covers_ip(ip),
            _ => false,
        }
    }

    /// Whether this address belongs to a trusted proxy. An IPv4 address may be written as IPv6.
    pub(crate) fn covers_ip(&self, ip: IpAddr) -> bool {
        let Self::Network { address, bits } = self else {
            return false;
        };
        match (address.to_canonical(), ip.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let rest = 32_u32.saturating_sub((*bits).into());
                (network.to_bits() ^ ip.to_bits())
                    .checked_shr(rest)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let rest = 128_u32.saturating_sub((*bits).into());
                (network.to_bits() ^ ip.to_bits())
                    .checked_shr(rest)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

impl FromStr for TrustedProxy {
    type Err = BadTrustedProxy;

    fn from_str(text: &str) -> Result<Self, BadTrustedProxy> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadTrustedProxy)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most),
            None => Some(most),
        };
        let bits = bits.ok_or(BadTrustedProxy)?;
        Ok(Self::Network { address, bits })
    }
}

impl fmt::Display for BadTrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither ADDRESS[/BITS] nor unix")
    }
}

impl std::error::Error for BadTrustedProxy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_covers_its_addresses() {
        for (network, ip, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/31", "10.1.2.2", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::1", "::1", true),
        ] {
            let proxy: TrustedProxy = network.parse().expect("it is one");
            assert_eq!(
                proxy.covers_ip(ip.parse().expect("an address")),
                expected,
                "{network} {ip}"
            );
            assert!(!proxy.covers(&Peer::Unix(None)));
        }
        assert!(TrustedProxy::Unix.covers(&Peer::Unix(None)));
        for bad in [
            "",
            "x",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "1.2.3",
            "Unix",
        ] {
            assert_eq!(bad.parse::<TrustedProxy>(), Err(BadTrustedProxy), "{bad}");
        }
    }
}
