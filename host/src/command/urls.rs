//! Where a listener can be reached: what one types into a browser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use socket2::SockRef;

use crate::listen::Listener;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A port of TCP.
    Tcp {
        /// Its address, as the system has it.
        at: SocketAddr,
        /// Of an address of IPv6: whether clients of IPv4 can connect, too.
        takes_both: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Where `listener` listens.
    pub(super) fn of(listener: &Listener) -> Self {
        let only_v6 = || SockRef::from(listener).only_v6();
        match listener.local_addr() {
            Some(at) => {
                Self::Tcp { at, takes_both: at.is_ipv6() && only_v6().is_ok_and(|only| !only) }
            }
            None => Self::Unix(listener.path().unwrap_or_default()),
        }
    }
}

/// Where what listens on `addresses` can be reached over TCP, each place once: of each address, this machine's
/// own first.
pub(super) fn reached(addresses: &[Address]) -> Vec<SocketAddr> {
    let mut reached = Vec::new();
    for address in addresses {
        let Address::Tcp { at, takes_both } = address else { continue };
        let interfaces = if at.ip().is_unspecified() { interfaces() } else { Vec::new() };
        for host in hosts_among(*at, *takes_both, interfaces) {
            let place = SocketAddr::new(host, at.port());
            if !reached.contains(&place) {
                reached.push(place);
            }
        }
    }
    reached
}

/// The addresses of this machine's interfaces that are up.
fn interfaces() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().filter(|one| one.is_oper_up()).map(if_addrs::Interface::ip).collect()
}

/// The hosts that stand for `address`: for all addresses of a machine, those that it has, the loopback
/// before others and IPv4 before IPv6.
fn hosts_among(address: SocketAddr, takes_both: bool, interfaces: Vec<IpAddr>) -> Vec<IpAddr> {
    let ip = address.ip();
    if !ip.is_unspecified() {
        return vec![ip];
    }
    let loopback = if ip.is_ipv4() || takes_both {
        Ipv4Addr::LOCALHOST.into()
    } else {
        Ipv6Addr::LOCALHOST.into()
    };
    let is_reached = |host: &IpAddr| match host {
        IpAddr::V4(host) => (ip.is_ipv4() || takes_both) && !host.is_link_local(),
        // No browser takes the name of an interface, which one of these needs.
        IpAddr::V6(host) => ip.is_ipv6() && !host.is_unicast_link_local(),
    };
    let mut others: Vec<_> =
        interfaces.into_iter().filter(|host| !host.is_loopback() && is_reached(host)).collect();
    others.sort_by_key(IpAddr::is_ipv6);
    others.dedup();
    [vec![loopback], others].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_those_that_others_can_type() {
        let interfaces = [
            "127.0.0.1",
            "::1",
            "fe80::7",
            "2001:db8::7",
            "192.168.1.7",
            "169.254.0.1",
            "10.0.0.7",
        ];
        let interfaces = interfaces.map(str::parse);
        let interfaces: Vec<IpAddr> = interfaces.into_iter().filter_map(Result::ok).collect();
        let of = |address: &str, takes_both| -> Vec<String> {
            let Ok(address) = address.parse() else { panic!("{address} is none") };
            let hosts = hosts_among(address, takes_both, interfaces.clone());
            hosts.iter().map(ToString::to_string).collect()
        };
        assert_eq!(of("0.0.0.0:80", false), ["127.0.0.1", "192.168.1.7", "10.0.0.7"]);
        assert_eq!(of("[::]:80", true), ["127.0.0.1", "192.168.1.7", "10.0.0.7", "2001:db8::7"]);
        assert_eq!(of("[::]:80", false), ["::1", "2001:db8::7"]);
        for one in ["127.0.0.1", "192.168.1.7", "192.0.2.1"] {
            assert_eq!(of(&format!("{one}:80"), false), [one]);
        }
    }

    #[test]
    fn each_place_is_there_once() {
        let tcp = |at: &str| Address::Tcp { at: at.parse().unwrap(), takes_both: false };
        let addresses = [
            tcp("[::1]:80"),
            Address::Unix("/run/a".into()),
            tcp("127.0.0.1:80"),
            tcp("[::1]:80"),
            tcp("127.0.0.1:81"),
        ];
        let places: Vec<_> = reached(&addresses).iter().map(ToString::to_string).collect();
        assert_eq!(places, ["[::1]:80", "127.0.0.1:80", "127.0.0.1:81"]);
        let all = reached(&[tcp("0.0.0.0:80"), tcp("[::]:80")]);
        assert!(all.iter().all(|at| !at.ip().is_unspecified()), "{all:?}");
    }
}
