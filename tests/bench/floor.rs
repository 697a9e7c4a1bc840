//! What `tests/bench/run` divides by: a loop over epoll that knows nothing of HTTP. It looks at the first
//! request of a connection for the reply to send and for how many octets a request has, and then sends
//! octets that were made before for as many as arrive.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use slab::Slab;

/// Octets of a file that are sent at a time.
const PIECE: usize = 64 * 1024;

const LISTENER: u64 = u64::MAX;

/// What is sent for a request.
struct Reply {
    octets: Vec<u8>,
    /// A file that follows, and its length.
    file: Option<(File, usize)>,
}

impl Reply {
    fn text(content: &str) -> Self {
        let kind = "text/plain; charset=utf-8";
        Self { octets: [&head(kind, content.len()), content.as_bytes()].concat(), file: None }
    }
}

fn head(kind: &str, length: usize) -> Vec<u8> {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes()
}

/// The replies, by the beginnings of the requests.
fn replies(root: &Path) -> io::Result<Vec<(&'static [u8], Reply)>> {
    let kind = "application/octet-stream";
    let small = std::fs::read(root.join("1k.bin"))?;
    let small = Reply { octets: [head(kind, small.len()), small].concat(), file: None };
    let large = |name| {
        let file = File::open(root.join(name))?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        io::Result::Ok(Reply { octets: head(kind, length), file: Some((file, length)) })
    };
    Ok(vec![
        (b"GET /plain ", Reply::text("Hello, World!")),
        (b"GET /1k.bin ", small),
        (b"GET /100k.bin ", large("100k.bin")?),
        (b"GET /10m.bin ", large("10m.bin")?),
        (b"POST /form ", Reply::text("Ann Lee")),
    ])
}

/// A connection.
struct Connection<'r> {
    stream: TcpStream,
    is_registered: bool,
    /// Known from the first request on.
    reply: Option<(&'r Reply, usize)>,
    closes: bool,
    /// Replies to be sent, and octets of the first one that were sent.
    owed: usize,
    sent: usize,
    /// Octets of a request whose rest is to come.
    part: usize,
}

/// What a connection waits for.
enum After {
    Event,
    Nothing,
}

impl<'r> Connection<'r> {
    /// Finds out what a request asks for; `None` when nothing is known of it.
    fn know(octets: &[u8], replies: &'r [(&[u8], Reply)]) -> Option<(&'r Reply, usize, bool)> {
        let (_, reply) = replies.iter().find(|(start, _)| octets.starts_with(start))?;
        let end = octets.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = str::from_utf8(octets.get(..end)?).ok()?;
        let content = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length = content.map_or(Some(0), |length| length.parse::<usize>().ok())?;
        Some((reply, end + length, head.contains("\r\nConnection: close\r\n")))
    }

    fn turn(
        &mut self,
        buffer: &mut [u8],
        replies: &'r [(&[u8], Reply)],
        pipelined: &mut Vec<u8>,
    ) -> io::Result<After> {
        loop {
            if let Some((reply, _)) = self.reply.filter(|_| self.owed > 0) {
                match self.send(reply, pipelined) {
                    Ok(()) => {}
                    Err(Errno::AGAIN) => return Ok(After::Event),
                    Err(error) => return Err(error.into()),
                }
                if self.closes {
                    return Ok(After::Nothing);
                }
                // There is no more than that: a client waits for its replies.
                if self.is_registered {
                    return Ok(After::Event);
                }
            }
            let count = match self.stream.read(buffer) {
                Ok(0) => return Ok(After::Nothing),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(After::Event),
                Err(error) => return Err(error),
            };
            if self.reply.is_none() {
                let octets = buffer.get(..count).unwrap_or_default();
                let Some((reply, length, closes)) = Self::know(octets, replies) else {
                    return Ok(After::Nothing);
                };
                (self.reply, self.closes) = (Some((reply, length)), closes);
            }
            let Some((_, length)) = self.reply else { continue };
            self.owed = (self.part + count) / length;
            self.part = (self.part + count) % length;
        }
    }

    fn send(&mut self, reply: &Reply, pipelined: &mut Vec<u8>) -> Result<(), Errno> {
        let Some((file, length)) = &reply.file else {
            let whole = reply.octets.len() * self.owed;
            if !pipelined.starts_with(&reply.octets) {
                pipelined.clear();
            }
            while pipelined.len() < whole {
                pipelined.extend_from_slice(&reply.octets);
            }
            let rest = pipelined.get(self.sent..whole).unwrap_or_default();
            self.sent += send(&self.stream, rest, SendFlags::NOSIGNAL)?;
            if self.sent < whole {
                return Err(Errno::AGAIN);
            }
            (self.sent, self.owed) = (0, 0);
            return Ok(());
        };
        while self.owed > 0 {
            let head = reply.octets.len();
            if self.sent < head {
                let rest = reply.octets.get(self.sent..).unwrap_or_default();
                self.sent += send(&self.stream, rest, SendFlags::NOSIGNAL | SendFlags::MORE)?;
            }
            while self.sent < head + length {
                let mut offset = (self.sent - head) as u64;
                let most = (head + length - self.sent).min(PIECE);
                self.sent += sendfile(&self.stream, file, Some(&mut offset), most)?;
            }
            (self.sent, self.owed) = (0, self.owed - 1);
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(root)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: floor PORT FOLDER"));
    };
    let replies = replies(Path::new(&root))?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Slab<Connection<'_>> = Slab::new();
    let (mut buffer, mut pipelined) = (vec![0; PIECE], Vec::new());
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for Event { data, .. } in events.iter().copied() {
            if data.u64() != LISTENER {
                let key = usize::try_from(data.u64()).unwrap_or(usize::MAX);
                let Some(connection) = connections.get_mut(key) else { continue };
                if !matches!(
                    connection.turn(&mut buffer, &replies, &mut pipelined),
                    Ok(After::Event)
                ) {
                    connections.remove(key);
                }
                continue;
            }
            while let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                let mut connection = Connection {
                    stream,
                    is_registered: false,
                    reply: None,
                    closes: false,
                    owed: 0,
                    sent: 0,
                    part: 0,
                };
                if let Ok(After::Event) = connection.turn(&mut buffer, &replies, &mut pipelined) {
                    let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
                    let data = EventData::new_u64(connections.vacant_key() as u64);
                    epoll::add(&poll, connection.stream.as_fd(), data, flags)?;
                    connection.is_registered = true;
                    connections.insert(connection);
                }
            }
        }
    }
}
