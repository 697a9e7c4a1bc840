//! Who has what this command can't have, where the system says so: on Linux, of the user's own processes.

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{of_port, of_socket};
#[cfg(target_os = "linux")]
pub(super) use linux::{of_port, of_socket};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::path::Path;

    use crate::listen;

    /// The process that listens where one of `addresses` is: its name and number.
    pub(in super::super) fn of_port(addresses: &[SocketAddr]) -> Option<String> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
        let sockets: Vec<_> = tables.iter().flatten().flat_map(|table| table.lines()).collect();
        let mut sockets = sockets.into_iter().filter_map(listening);
        let of = |(at, _): &(SocketAddr, &str)| addresses.iter().any(|one| meet(*at, *one));
        let (_, inode) = sockets.find(of)?;
        who_has(inode).map(named)
    }

    /// The process that listens on the Unix socket at `path`.
    pub(in super::super) fn of_socket(path: &Path) -> Option<String> {
        let path = std::path::absolute(path).ok()?;
        let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let inode = table.lines().find_map(|line| listening_at(line, path.to_str()?));
        // Somebody else's processes don't show what they have, and other servers may give a relative path.
        inode.and_then(who_has).or_else(|| listen::who_listens(&path)).map(named)
    }

    /// The first process that has this socket: one that has started others comes before them.
    fn who_has(inode: &str) -> Option<u32> {
        let socket = format!("socket:[{inode}]");
        processes().into_iter().find(|id| has_open(*id, &socket))
    }

    /// The number of a Unix socket that listens at `path`, by a line of the system's table:
    /// `number: references protocol flags type state inode path`.
    fn listening_at<'t>(line: &'t str, path: &str) -> Option<&'t str> {
        const LISTENS: &str = "00010000";
        let before = line.strip_suffix(path)?.strip_suffix(' ')?;
        let words: Vec<_> = before.split_ascii_whitespace().collect();
        match words[..] {
            [_, _, _, LISTENS, _, _, inode] => Some(inode),
            _ => None,
        }
    }

    /// The address and the number of a socket that listens, by a line of the system's table:
    /// `number: local remote state queues timer retries user time-out inode …`.
    fn listening(line: &str) -> Option<(SocketAddr, &str)> {
        const LISTENS: &str = "0A";
        let mut words = line.split_ascii_whitespace();
        let address = socket_address(words.nth(1)?)?;
        (words.nth(1)? == LISTENS).then_some(())?;
        Some((address, words.nth(5)?))
    }

    /// An address as the table has it: groups of 32 bits, each in the order of this machine, and a port.
    fn socket_address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let groups = ip.as_bytes().chunks(8).map(|group| {
            let group = u32::from_str_radix(str::from_utf8(group).ok()?, 16).ok()?;
            Some(group.to_ne_bytes())
        });
        let octets = groups.collect::<Option<Vec<_>>>()?.concat();
        let ip: IpAddr = match octets.len() {
            4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into(),
            _ => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical(),
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Whether sockets on both addresses can't be had at once.
    fn meet(one: SocketAddr, other: SocketAddr) -> bool {
        let wide = |ip: IpAddr, of: IpAddr| ip.is_unspecified() && (ip.is_ipv6() || of.is_ipv4());
        let (port, (one, other)) = (one.port() == other.port(), (one.ip(), other.ip()));
        port && (one == other || wide(one, other) || wide(other, one))
    }

    fn processes() -> Vec<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        ids
    }

    fn has_open(id: u32, socket: &str) -> bool {
        let links = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.any(|target| target.as_os_str() == socket)
    }

    fn named(id: u32) -> String {
        let name = fs::read(format!("/proc/{id}/comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name);
        // A process may call itself anything.
        format!("'{}' (process {id})", name.trim_end().escape_debug())
    }

    #[cfg(test)]
    mod tests {
        use std::net::TcpListener;

        use super::*;

        #[test]
        #[cfg(target_endian = "little")]
        fn lines_of_the_table() {
            let v4 = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0";
            assert_eq!(listening(v4), Some(("127.0.0.1:8000".parse().unwrap(), "4711")));
            let v6 = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 42 1";
            assert_eq!(listening(v6), Some(("[::1]:80".parse().unwrap(), "42")));
            assert_eq!(listening(&v4.replace(" 0A ", " 01 ")), None);
            assert_eq!(listening("  sl  local_address rem_address   st tx_queue rx_queue"), None);
            assert_eq!(listening(""), None);
        }

        #[test]
        fn lines_of_the_table_of_unix_sockets() {
            let line = "00000000a: 00000002 00000000 00010000 0001 01 4711 /run/a b.sock";
            assert_eq!(listening_at(line, "/run/a b.sock"), Some("4711"));
            assert_eq!(listening_at(line, "b.sock"), None);
            assert_eq!(listening_at(&line.replace("00010000", "00000000"), "/run/a b.sock"), None);
            assert_eq!(listening_at("", "/run/a b.sock"), None);
        }

        #[test]
        fn sockets_that_meet() {
            for (one, other, do_meet) in [
                ("127.0.0.1:80", "127.0.0.1:80", true),
                ("127.0.0.1:80", "127.0.0.1:81", false),
                ("127.0.0.1:80", "127.0.0.2:80", false),
                ("0.0.0.0:80", "127.0.0.2:80", true),
                ("[::]:80", "127.0.0.2:80", true),
                ("[::1]:80", "0.0.0.0:80", false),
            ] {
                let [a, b] = [one, other].map(|at| at.parse().unwrap());
                assert_eq!((meet(a, b), meet(b, a)), (do_meet, do_meet), "{one} {other}");
            }
        }

        #[test]
        fn this_process_is_found() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let holder = of_port(&[listener.local_addr().unwrap()]).unwrap();
            assert!(holder.ends_with(&format!("(process {})", std::process::id())), "{holder}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::net::SocketAddr;
    use std::path::Path;

    pub(in super::super) fn of_port(_: &[SocketAddr]) -> Option<String> {
        None
    }

    pub(in super::super) fn of_socket(_: &Path) -> Option<String> {
        None
    }
}
