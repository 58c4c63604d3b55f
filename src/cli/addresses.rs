//! The addresses at which other machines reach this one.

use crate::http::Scheme;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use std::net::{IpAddr, SocketAddr};

/// Name prefixes of the interfaces that containers and virtual machines use among themselves.
const VIRTUAL: &[&str] = &[
    "br-", "docker", "lxc", "podman", "veth", "virbr", "vmnet", "cni", "flannel",
];

/// The URLs of a server on `address` that other machines can use, the likeliest first. For a
/// specific address, that is the only one; for all interfaces, the addresses of each.
pub(super) fn urls(address: SocketAddr, scheme: Scheme) -> Vec<String> {
    let ip = address.ip();
    let usable = if ip.is_unspecified() {
        ranked(interfaces(), ip.is_ipv6())
    } else if ip.is_loopback() {
        Vec::new()
    } else {
        vec![ip]
    };
    let url = |ip| format!("{scheme}://{}/", SocketAddr::new(ip, address.port()));
    usable.into_iter().map(url).collect()
}

/// All addresses of this machine.
pub(super) fn all() -> Vec<IpAddr> {
    interfaces().into_iter().map(|(_, ip)| ip).collect()
}

/// The interfaces that are up, by name.
fn interfaces() -> Vec<(String, IpAddr)> {
    let Ok(found) = getifaddrs() else {
        return Vec::new();
    };
    found
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_RUNNING))
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
            let v6 = || address.as_sockaddr_in6().map(|address| address.ip().into());
            Some((interface.interface_name, v4.or_else(v6)?))
        })
        .collect()
}

/// The addresses that others can use: those of real networks before those of virtual ones, private
/// ones before public ones, IPv4 before IPv6. Only IPv4 if the server listens only on that.
fn ranked(interfaces: Vec<(String, IpAddr)>, with_v6: bool) -> Vec<IpAddr> {
    let is_virtual = |name: &str| VIRTUAL.iter().any(|start| name.starts_with(start));
    let is_usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        // A link-local address is useless without the name of an interface, which differs between
        // machines.
        IpAddr::V6(ip) => {
            with_v6 && !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified()
        }
    };
    let is_private = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    let mut usable: Vec<_> = interfaces
        .into_iter()
        .filter(|(_, ip)| is_usable(ip))
        .map(|(name, ip)| ((ip.is_ipv6(), is_virtual(&name), !is_private(&ip)), ip))
        .collect();
    usable.sort_by_key(|&(rank, _)| rank);
    let mut addresses: Vec<_> = usable.into_iter().map(|(_, ip)| ip).collect();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_address_comes_first() {
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("eth1", "203.0.113.5"),
            ("wlan0", "192.168.1.5"),
            ("eth2", "169.254.1.1"),
            ("lo", "::1"),
            ("wlan0", "fe80::1"),
            ("eth1", "2001:db8::5"),
            ("wlan0", "fd00::5"),
        ];
        let interfaces =
            interfaces.map(|(name, ip)| (name.to_owned(), ip.parse().expect("an address")));
        let text = |with_v6| {
            let ranked = ranked(interfaces.to_vec(), with_v6).into_iter();
            ranked.map(|ip| ip.to_string()).collect::<Vec<_>>()
        };
        let v4 = ["192.168.1.5", "203.0.113.5", "172.17.0.1"];
        assert_eq!(text(false), v4);
        assert_eq!(text(true), [&v4[..], &["fd00::5", "2001:db8::5"]].concat());
    }

    #[test]
    fn an_address_of_one_s_own_is_the_url() {
        let urls = |address: &str| urls(address.parse().expect("an address"), Scheme::Http);
        assert_eq!(urls("192.0.2.1:80"), ["http://192.0.2.1:80/"]);
        assert_eq!(urls("[2001:db8::1]:80"), ["http://[2001:db8::1]:80/"]);
        assert!(urls("127.0.0.1:80").is_empty() && urls("[::1]:80").is_empty());
    }
}
