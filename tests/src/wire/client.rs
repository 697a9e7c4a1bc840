//! A client that writes raw bytes, for requests that no polite client sends.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// The longest silence a test puts up with, in seconds; only a server that hangs is silent for longer.
pub const TIME_LIMIT: Duration = Duration::from_secs(90);

/// A GET request for `path`.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: thimble\r\n\r\n")
}

/// A POST request that submits `form` to `path`.
pub fn post(path: &str, form: &str) -> String {
    let length = form.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: thimble\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    )
}

/// One TCP connection to a server, read reply by reply.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

/// One reply, its content decoded if it came chunked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Status line and field lines, without the empty line at the end.
    pub head: String,
    /// The content.
    pub content: Vec<u8>,
}

impl Reply {
    /// The value of the first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The content as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

impl Client {
    /// Connects without delay for small writes.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIME_LIMIT)?;
        Self::over(stream)
    }

    /// Goes on with a connection that was made elsewhere.
    pub fn over(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIME_LIMIT))?;
        stream.set_write_timeout(Some(TIME_LIMIT))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes all of `bytes`.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Shuts the sending side; replies can still be read.
    pub fn half_close(&self) -> Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Reads the reply to a request other than HEAD.
    pub fn reply(&mut self) -> Result<Reply> {
        let (status, head) = self.head()?;
        let mut reply = Reply { status, head, content: Vec::new() };
        if matches!(status, 100..=199 | 204 | 304) {
            return Ok(reply);
        }
        reply.content = if reply.field("Transfer-Encoding") == Some("chunked") {
            self.chunks()?
        } else if let Some(length) = reply.field("Content-Length") {
            let length = length.parse().map_err(|_| malformed("Content-Length"))?;
            self.take(length)?
        } else {
            self.drain()?
        };
        Ok(reply)
    }

    /// Reads the reply to HEAD, which has no content whatever its fields declare.
    pub fn reply_to_head(&mut self) -> Result<Reply> {
        let (status, head) = self.head()?;
        Ok(Reply { status, head, content: Vec::new() })
    }

    /// Reads `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.received.len() < length {
            self.fill()?;
        }
        let rest = self.received.split_off(length);
        Ok(std::mem::replace(&mut self.received, rest))
    }

    /// Reads what is there, waiting for a byte at least; nothing once the connection is closed.
    pub fn some(&mut self) -> Result<Vec<u8>> {
        if self.received.is_empty() {
            match self.fill() {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
                other => other?,
            }
        }
        Ok(std::mem::take(&mut self.received))
    }

    /// Reads all that comes until the server closes the connection.
    pub fn drain(&mut self) -> Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.received);
        self.stream.read_to_end(&mut all)?;
        Ok(all)
    }

    fn head(&mut self) -> Result<(u16, String)> {
        let end = self.find(b"\r\n\r\n")?;
        let mut head = self.take(end.saturating_add(4))?;
        head.truncate(end);
        let head = String::from_utf8(head).map_err(|_| malformed("reply head"))?;
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| malformed("status line"))?;
        Ok((status, head))
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        loop {
            let size = self.line()?;
            let size = usize::from_str_radix(&size, 16).map_err(|_| malformed("chunk-size"))?;
            if size == 0 {
                break;
            }
            content.extend(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err(malformed("chunk"));
            }
        }
        while !self.line()?.is_empty() {}
        Ok(content)
    }

    fn line(&mut self) -> Result<String> {
        let end = self.find(b"\r\n")?;
        let mut line = self.take(end.saturating_add(2))?;
        line.truncate(end);
        String::from_utf8(line).map_err(|_| malformed("line"))
    }

    fn find(&mut self, wanted: &[u8]) -> Result<usize> {
        loop {
            let found = self.received.windows(wanted.len()).position(|w| w == wanted);
            if let Some(at) = found {
                return Ok(at);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut more = [0; 16 * 1024];
        match self.stream.read(&mut more)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.received.extend(more.iter().take(count));
                Ok(())
            }
        }
    }
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the reply has a malformed {what}"))
}
