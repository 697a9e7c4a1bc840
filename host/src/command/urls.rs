//! Where a listener can be reached: what one types into a browser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// The URLs at which what listens on `address` can be reached, this machine's own first. `path`
/// begins with a slash.
pub(super) fn urls(scheme: &str, address: SocketAddr, path: &str) -> Vec<String> {
    hosts(address)
        .into_iter()
        .map(|host| format!("{scheme}://{}{path}", SocketAddr::new(host, address.port())))
        .collect()
}

/// The hosts at which what listens on `address` can be reached.
pub(super) fn hosts(address: SocketAddr) -> Vec<IpAddr> {
    let interfaces = if address.ip().is_unspecified() { interfaces() } else { Vec::new() };
    hosts_among(address, takes_both(address), interfaces)
}

/// The addresses of this machine's interfaces that are up.
fn interfaces() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().filter(|one| one.is_oper_up()).map(if_addrs::Interface::ip).collect()
}

/// Whether a listener on an address of IPv6 takes clients of IPv4, too, as systems have it if nothing
/// is said.
fn takes_both(address: SocketAddr) -> bool {
    address.is_ipv6()
        && Socket::new(Domain::IPV6, Type::STREAM, None)
            .and_then(|socket| socket.only_v6())
            .is_ok_and(|only_v6| !only_v6)
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
    fn they_are_written_as_urls() {
        for (address, url) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000/a%20b"),
            ("[::1]:80", "http://[::1]:80/a%20b"),
        ] {
            let Ok(address) = address.parse() else { panic!("{address} is none") };
            assert_eq!(urls("http", address, "/a%20b"), [url]);
        }
        let Ok(all) = "0.0.0.0:8000".parse() else { panic!("no address") };
        assert!(urls("https", all, "/").iter().all(|url| !url.contains("0.0.0.0")));
    }
}
