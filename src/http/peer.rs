//! The two ends of a connection.

use super::number::push_decimal;
use smallvec::{Array, SmallVec};
use std::io::Write;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::{fmt, io};

/// The address of one end of a connection. `Display` shows all of it.
///
/// ```
/// use rhttp::http::Peer;
///
/// let peer = Peer::from(std::net::SocketAddr::from(([127, 0, 0, 1], 8000)));
/// assert_eq!(peer.to_string(), "127.0.0.1:8000");
/// assert_eq!(peer.host().to_string(), "127.0.0.1");
/// assert_eq!(peer.port(), Some(8000));
///
/// // A handler for this machine alone asks for the address.
/// assert!(peer.ip().is_some_and(|ip| ip.is_loopback()));
/// assert!(matches!(peer, Peer::Ip(address) if Some(address) == peer.socket_addr()));
/// assert_eq!(Peer::Unix(None).ip(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// An address and a port.
    Ip(SocketAddr),
    /// A Unix socket; a client's socket rarely has a path.
    Unix(Option<PathBuf>),
}

impl Peer {
    /// What the log shows: an IP address, as CPython's `address_string`, or `unix`.
    #[doc(alias = "address_string")]
    pub fn host(&self) -> impl fmt::Display {
        Host(self.ip())
    }

    /// Appends what [`host`](Self::host) shows. Formatting an IPv4 address would cost a connection
    /// more than its log line does.
    pub(crate) fn push_host<A: Array<Item = u8>>(&self, out: &mut SmallVec<A>) {
        if let Some(IpAddr::V4(ip)) = self.ip() {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                push_decimal(out, octet.into());
            }
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out, "{}", self.host());
        }
    }

    /// The IP address and port, if it has them.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The IP address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|address| address.ip())
    }

    /// The port, if it has one.
    pub fn port(&self) -> Option<u16> {
        self.socket_addr().map(|address| address.port())
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

/// Lets clients connect to it; a Unix socket resolves to nothing.
impl ToSocketAddrs for Peer {
    type Iter = std::option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        match self {
            Self::Ip(address) => address.to_socket_addrs(),
            Self::Unix(_) => Ok(None.into_iter()),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix"),
        }
    }
}

/// Displays a [`Peer`] without its port.
struct Host(Option<IpAddr>);

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ip) => ip.fmt(f),
            None => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_shows_no_ports_and_no_paths() {
        let loopback = std::net::Ipv6Addr::LOCALHOST;
        let mapped = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        for (peer, all, host) in [
            (
                Peer::Ip(([127, 0, 0, 1], 80).into()),
                "127.0.0.1:80",
                "127.0.0.1",
            ),
            (Peer::Ip((loopback, 80).into()), "[::1]:80", "::1"),
            (
                Peer::Ip(([9, 10, 109, 255], 1).into()),
                "9.10.109.255:1",
                "9.10.109.255",
            ),
            (
                Peer::Ip(([0, 100, 200, 90], 1).into()),
                "0.100.200.90:1",
                "0.100.200.90",
            ),
            (
                Peer::Ip((mapped, 1).into()),
                "[::ffff:10.0.0.1]:1",
                "::ffff:10.0.0.1",
            ),
            (Peer::Unix(None), "unix", "unix"),
            (Peer::Unix(Some("/run/x".into())), "unix:/run/x", "unix"),
        ] {
            assert_eq!(
                (peer.to_string().as_str(), peer.host().to_string().as_str()),
                (all, host)
            );
            let mut pushed = SmallVec::<[u8; 32]>::new();
            peer.push_host(&mut pushed);
            assert_eq!(String::from_utf8_lossy(&pushed), host);
        }
    }
}
