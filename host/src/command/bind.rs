//! Where a command is to listen: the values of `--bind`, and the listeners that they ask for.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use socket2::{Domain, Socket, Type};

use super::holder;
use super::problem::Problem;
use crate::listen::{self, Listener, SocketFile};

/// How often another free port is tried that all listeners can have.
const TRIES: usize = 16;

/// What `--bind` names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bind {
    /// An address or a name, without the brackets that an IPv6 address has in a URL, and a port if it has one
    /// of its own.
    Host(String, Option<u16>),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for Bind {
    type Err = &'static str;

    /// ```abnf
    /// bind = host [ ":" port ] / "unix:" path
    /// host = name / IPv4address / IPv6address / "[" IPv6address "]"
    /// ```
    /// Only an IPv6 address in brackets can have a port.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            let is_file = Path::new(path).file_name().is_some() && !path.ends_with('/');
            return if is_file {
                Ok(Self::Unix(path.into()))
            } else {
                Err("give the path of a socket, such as unix:/run/site.sock")
            };
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(str::parse).transpose();
        let port = port.map_err(|_| "give a port from 0 to 65535, such as 127.0.0.1:8080")?;
        if host.is_empty() {
            return Err(
                "give an address before the port, such as 127.0.0.1:8080, or [::]:8080 for all",
            );
        }
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Ok(Self::Host(inner.unwrap_or(host).to_owned(), port))
    }
}

impl Bind {
    /// The address or name, if it is one.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Host(host, _) => Some(host),
            Self::Unix(_) => None,
        }
    }
}

/// An address or a name, and what it leads to.
#[derive(Debug)]
struct Place<'b> {
    host: &'b str,
    /// Whether it has a port of its own.
    is_apart: bool,
    addresses: Vec<SocketAddr>,
}

/// Listens on all that `binds` name, on `port` unless one says otherwise. With port 0, all of them have the
/// same free port if there is one. The files of Unix sockets are removed when they are dropped.
///
/// # Errors
/// One of them can't be had.
pub(super) fn listen(
    binds: &[Bind],
    port: u16,
) -> Result<(Vec<Listener>, Vec<SocketFile>), Problem> {
    let places = binds.iter().filter_map(|bind| match bind {
        Bind::Host(host, own) => Some(Place::of(host, *own, port)),
        Bind::Unix(_) => None,
    });
    let places = without_doubles(places.collect::<Result<_, _>>()?);
    let listeners = listen_tcp(&places, port)?;
    let mut listeners: Vec<Listener> = listeners.into_iter().map(Into::into).collect();
    let mut files = Vec::new();
    for bind in binds {
        if let Bind::Unix(path) = bind {
            let bound = listen::bind_unix(path);
            let bound = bound.map_err(|error| {
                Problem::of_socket(path, &error, holder::of_socket(path).as_deref())
            });
            let (listener, file) = bound?;
            listeners.push(listener.into());
            files.push(file);
        }
    }
    Ok((listeners, files))
}

fn listen_tcp(places: &[Place<'_>], port: u16) -> Result<Vec<TcpListener>, Problem> {
    for _ in 0..TRIES {
        match listen_together(places, port == 0) {
            // The next free port may be free for all.
            Err((_, error)) if port == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome.map_err(|(place, error)| place.problem(&error)),
        }
    }
    listen_together(places, false).map_err(|(place, error)| place.problem(&error))
}

/// Listens on all of them. If they are `alike`, those without a port of their own get that of the first of them.
fn listen_together<'p, 'b>(
    places: &'p [Place<'b>],
    alike: bool,
) -> Result<Vec<TcpListener>, (&'p Place<'b>, io::Error)> {
    let mut shared = None;
    let mut listeners = Vec::new();
    for place in places {
        let mut addresses = place.addresses.clone();
        if let Some(port) = shared.filter(|_| !place.is_apart) {
            for address in &mut addresses {
                address.set_port(port);
            }
        }
        let bound = listen::bind(addresses.as_slice()).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|error| (place, error))?;
        if alike && !place.is_apart {
            shared = Some(address.port());
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

impl<'b> Place<'b> {
    fn of(host: &'b str, own: Option<u16>, port: u16) -> Result<Self, Problem> {
        let addresses = (host, own.unwrap_or(port)).to_socket_addrs();
        let addresses: Vec<_> = addresses.map_err(|_| Problem::of_host(host))?.collect();
        Ok(Self { host, is_apart: own.is_some(), addresses })
    }

    /// Whether it gets a free port that no other has.
    fn has_any_port(&self) -> bool {
        self.is_apart && self.addresses.iter().all(|address| address.port() == 0)
    }

    fn problem(&self, error: &io::Error) -> Problem {
        let port = self.addresses.first().map_or(0, SocketAddr::port);
        let holder = match error.kind() {
            io::ErrorKind::AddrInUse => holder::of_port(&self.addresses),
            _ => None,
        };
        Problem::of_listener(self.host, port, error, holder.as_deref())
    }
}

/// Leaves out places whose addresses others have as well: all of a machine's, for example, have those of its
/// loopback.
fn without_doubles(places: Vec<Place<'_>>) -> Vec<Place<'_>> {
    let is_double = |at: usize, address: &SocketAddr| {
        places.iter().enumerate().any(|(other, place)| match place.addresses.as_slice() {
            [wide] if other != at && !place.has_any_port() => {
                covers(*wide, *address) && (*wide != *address || other < at)
            }
            _ => false,
        })
    };
    let is_double = |(at, place): (usize, &Place<'_>)| {
        !place.has_any_port() && place.addresses.iter().all(|address| is_double(at, address))
    };
    let is_double: Vec<bool> = places.iter().enumerate().map(is_double).collect();
    places.into_iter().zip(is_double).filter(|(_, is_double)| !is_double).map(|it| it.0).collect()
}

/// Whether clients of `address` reach what listens on `wide`.
fn covers(wide: SocketAddr, address: SocketAddr) -> bool {
    let is_wide = match wide.ip() {
        IpAddr::V4(ip) => ip.is_unspecified() && address.is_ipv4(),
        IpAddr::V6(ip) => ip.is_unspecified() && (address.is_ipv6() || takes_both()),
    };
    wide.port() == address.port() && (is_wide || wide == address)
}

/// Whether the system lets one socket take clients of IPv6 and IPv4.
fn takes_both() -> bool {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None);
    socket.and_then(|socket| socket.set_only_v6(false)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &str) -> Vec<Bind> {
        line.split(' ').filter_map(|text| text.parse().ok()).collect()
    }

    #[test]
    fn values_of_bind() {
        let host = |host: &str, port| Ok(Bind::Host(host.to_owned(), port));
        for (text, bind) in [
            ("127.0.0.1", host("127.0.0.1", None)),
            ("127.0.0.1:80", host("127.0.0.1", Some(80))),
            ("::", host("::", None)),
            ("[::]", host("::", None)),
            ("[::1]:0", host("::1", Some(0))),
            ("::1:8000", host("::1:8000", None)),
            ("printer.lan", host("printer.lan", None)),
            ("printer.lan:8080", host("printer.lan", Some(8080))),
            ("unix:/run/a b.sock", Ok(Bind::Unix("/run/a b.sock".into()))),
            ("unix:site.sock", Ok(Bind::Unix("site.sock".into()))),
        ] {
            assert_eq!(text.parse(), bind, "{text}");
        }
        for text in
            ["", ":80", "127.0.0.1:", "127.0.0.1:x", "[::1]:70000", "unix:", "unix:/", "unix:a/"]
        {
            assert!(text.parse::<Bind>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_another_covers_is_left_out() {
        for (line, kept) in [
            ("127.0.0.1 [::1]", "127.0.0.1 [::1]"),
            ("127.0.0.1 127.0.0.1", "127.0.0.1"),
            ("127.0.0.1 127.0.0.1:81", "127.0.0.1 127.0.0.1:81"),
            ("127.0.0.1 0.0.0.0", "0.0.0.0"),
            ("0.0.0.0 127.0.0.1 [::1]", "0.0.0.0 [::1]"),
            ("0.0.0.0:81 127.0.0.1", "0.0.0.0:81 127.0.0.1"),
            ("[::1] [::]", "[::]"),
        ] {
            let (binds, kept) = (all(line), all(kept));
            let places = binds.iter().filter_map(|bind| match bind {
                Bind::Host(host, port) => Place::of(host, *port, 80).ok(),
                Bind::Unix(_) => None,
            });
            let hosts = without_doubles(places.collect());
            let kept: Vec<_> = kept.iter().filter_map(Bind::host).collect();
            assert_eq!(hosts.iter().map(|place| place.host).collect::<Vec<_>>(), kept, "{line}");
        }
        if takes_both() {
            let binds = all("0.0.0.0 ::");
            let places = binds.iter().filter_map(|bind| Place::of(bind.host()?, None, 80).ok());
            let kept = without_doubles(places.collect());
            assert_eq!(kept.iter().map(|place| place.host).collect::<Vec<_>>(), ["::"]);
        }
    }

    #[test]
    fn a_free_port_is_that_of_all() {
        let ports = |line| {
            let (listeners, files) = listen(&all(line), 0).unwrap_or_default();
            assert!(files.is_empty());
            let ports = listeners.iter().filter_map(Listener::local_addr).map(|at| at.port());
            ports.collect::<Vec<_>>()
        };
        let [first, second, third] = ports("127.0.0.1 127.0.0.2 127.0.0.3")[..] else {
            panic!("three listen")
        };
        assert!(first > 0 && first == second && second == third);
        let [first, second, apart] = ports("127.0.0.1 127.0.0.2 127.0.0.1:0")[..] else {
            panic!("three listen")
        };
        assert!(first == second && first != apart);
    }

    #[test]
    fn what_is_taken_is_told_with_its_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let bind = format!("unix:{}", path.display());
        let (first, files) = listen(&all(&format!("{bind} 127.0.0.1")), 0).unwrap_or_default();
        assert_eq!((first.len(), files.len()), (2, 1));
        let port = first.iter().find_map(Listener::local_addr).map_or(0, |at| at.port());
        let problem = |binds: &str, port| {
            let problem = listen(&all(binds), port).err();
            problem.map(|problem| problem.to_string()).unwrap_or_default()
        };
        let holder = if cfg!(target_os = "linux") {
            let name = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
            format!(" by '{}' (process {})", name.trim_end(), std::process::id())
        } else {
            String::new()
        };
        assert_eq!(
            problem("127.0.0.1", port),
            format!(
                "port {port} on 127.0.0.1 is in use{holder}: choose another with --port, or any free one with \
                 --port 0"
            )
        );
        assert_eq!(
            problem(&bind, 0),
            format!(
                "the socket '{}' is in use{holder}: end that server, or give --bind another path",
                path.display()
            )
        );
        // Nothing is left of those that could have been had.
        assert!(problem(&format!("{bind}2 {bind}"), 0).contains("is in use"));
        assert!(!folder.path().join("socket2").exists());
    }
}
