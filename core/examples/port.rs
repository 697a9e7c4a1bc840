//! The core over another network stack, with deadlines: here, Unix-domain sockets.
//!
//! `cargo run -p thimble-core --example port`, then
//! `curl --unix-socket target/port.sock http://localhost/`.

use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::task::Waker;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use thimble_core::server::blocking::{Blocking, Close, block_on};
use thimble_core::server::{Budget, Buffers, Ended, Half, Phase, Record};
use thimble_core::{
    Answer, Deadlines, Driver, Exchange, Limits, Method, NoClock, Service, Status, Transport,
};

const DEADLINES: Deadlines = Deadlines::DESKTOP;
const LIMITS: Limits = Limits::DEVICE;
/// After so long, a call returns to look whether its deadline has passed.
const LONGEST_CALL: Duration = Duration::from_mins(1);

/// The receiving or the transmitting half of a connection.
struct Socket<'s> {
    stream: &'s UnixStream,
    /// How long the client may still keep this half waiting.
    budget: Budget,
}

impl<'s> Socket<'s> {
    fn new(stream: &'s UnixStream) -> Self {
        Self { stream, budget: Budget::new() }
    }

    /// Reads or writes once, by the deadline of the phase.
    fn by_deadline(
        &mut self,
        mut call: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> Result<usize, ErrorKind> {
        loop {
            let left = self.budget.left().ok_or(ErrorKind::TimedOut)?;
            let time_out = Some(left.min(LONGEST_CALL));
            let begun = Instant::now();
            let outcome = self
                .stream
                .set_read_timeout(time_out)
                .and_then(|()| self.stream.set_write_timeout(time_out))
                .and_then(|()| call(self.stream));
            self.budget.spend(begun.elapsed(), *outcome.as_ref().unwrap_or(&0), &DEADLINES);
            match outcome {
                Ok(octets) => return Ok(octets),
                // Whether that was the deadline, the budget says.
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(ErrorKind::Other),
            }
        }
    }
}

/// Whether a call only took too long, or was interrupted.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

impl ErrorType for Socket<'_> {
    type Error = ErrorKind;
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.by_deadline(|mut stream| io::Read::read(&mut stream, buffer))
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, octets: &[u8]) -> Result<usize, ErrorKind> {
        self.by_deadline(|mut stream| io::Write::write(&mut stream, octets))
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Close for Socket<'_> {
    fn close(&mut self) -> Result<(), ErrorKind> {
        self.stream.shutdown(Shutdown::Write).map_err(|_| ErrorKind::Other)
    }
}

impl Half for Socket<'_> {
    fn phase(&mut self, phase: Phase) {
        self.budget.enter(phase, &DEADLINES);
    }

    fn head(&mut self, _: &[u8]) {
        // A request's is whole: the next one has a deadline of its own.
        if self.budget.phase() == Some(Phase::Head) {
            self.budget.over();
        }
    }

    fn replied(&mut self, record: &Record<'_>) {
        let line = record.request_line().escape_ascii();
        println!("{line} {} {}", record.status.code(), record.content);
        // The next reply has a deadline of its own.
        self.budget.over();
    }
}

/// Serves a connection to its end.
fn serve(stream: &UnixStream) {
    let server = Driver::new(Hello, NoClock, LIMITS);
    let mut transport = Blocking::new(Socket::new(stream), Socket::new(stream));
    let (mut rx, mut tx) = ([0; LIMITS.receive_buffer()], [0; 2048]);
    loop {
        let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
        // `Hello` waits for nothing but its client, so nothing has to wake this thread.
        match block_on(server.serve(&mut transport, buffers), Waker::noop(), thread::yield_now) {
            // The next read waits for the next request. Another stack would lend the buffers to
            // another connection until then.
            Ok(Ended::Idle) => {}
            // A TCP stack resets a connection that was cut. There is no reset here: the client sees
            // by the length of the content that some is missing.
            Ok(_) | Err(_) => return,
        }
    }
}

/// What is served.
struct Hello;

impl Service for Hello {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        Ok(match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => exchange.respond(Status::OK).text("Hello, world!\n"),
            (_, []) => exchange.allow(&[Method::Get]),
            _ => exchange.respond(Status::NOT_FOUND).text("nothing here\n"),
        })
    }
}

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/port.sock".into());
    // What an earlier run has left.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    println!("curl --unix-socket {path} http://localhost/");
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || serve(&stream));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn two_requests_on_one_connection() -> io::Result<()> {
        let (mut client, stream) = UnixStream::pair()?;
        let serving = thread::spawn(move || serve(&stream));
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\n")?;
        client.write_all(b"Content-Length: 0\r\nConnection: close\r\n\r\n")?;
        let mut replies = String::new();
        client.read_to_string(&mut replies)?;
        assert!(replies.starts_with("HTTP/1.1 200 OK\r\n"), "{replies}");
        assert!(replies.contains("\r\n\r\nHello, world!\nHTTP/1.1 405 "), "{replies}");
        drop(client);
        serving.join().map_err(|_| io::Error::other("it panicked"))
    }
}
