//! The smallest complete port: the core over sockets that no frontend knows, with deadlines.
//!
//! ```text
//! cargo run -p thimble-core --example port
//! curl --unix-socket target/port.sock http://localhost/
//! ```

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Instant;

use core::hint::spin_loop;
use core::task::Waker;

use thimble_core::server::blocking::{Blocking, Close, block_on};
use thimble_core::server::{Budget, Buffers, Deadlines, Ended, Half, Phase};
use thimble_core::{Answer, Exchange, Limits, NoClock, Server, Service, Status, Transport};

const DEADLINES: Deadlines = Deadlines::DESKTOP;

/// A connection, and what its client has left of its time.
struct Line {
    stream: UnixStream,
    budget: RefCell<Budget>,
}

/// Either half of a connection.
struct Socket<'l>(&'l Line);

impl Socket<'_> {
    /// Does one read or write within the time that is left, and counts what it took.
    fn within(&self, io: impl FnOnce() -> io::Result<usize>) -> Result<usize, io::Error> {
        let mut budget = self.0.budget.borrow_mut();
        let left = budget.left();
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.0.stream.set_read_timeout(left)?;
        self.0.stream.set_write_timeout(left)?;
        let begun = Instant::now();
        let outcome = io();
        let octets = *outcome.as_ref().unwrap_or(&0);
        budget.spend(begun.elapsed(), octets, &DEADLINES);
        // What a system calls a time-out of a socket is this on Unix.
        outcome.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })
    }
}

impl embedded_io::ErrorType for Socket<'_> {
    type Error = Failed;
}

/// An error of the system, as the core wants to know it.
#[derive(Debug)]
struct Failed(io::Error);

impl core::fmt::Display for Failed {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(out)
    }
}

impl core::error::Error for Failed {}

impl embedded_io::Error for Failed {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.0.kind() {
            ErrorKind::TimedOut => embedded_io::ErrorKind::TimedOut,
            _ => embedded_io::ErrorKind::Other,
        }
    }
}

impl embedded_io::Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failed> {
        self.within(|| (&self.0.stream).read(buffer)).map_err(Failed)
    }
}

impl embedded_io::Write for Socket<'_> {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Failed> {
        self.within(|| (&self.0.stream).write(octets)).map_err(Failed)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        Ok(())
    }
}

impl Half for Socket<'_> {
    fn phase(&mut self, phase: Phase) {
        self.0.budget.borrow_mut().enter(phase, &DEADLINES);
    }
}

impl Close for Socket<'_> {
    fn close(&mut self) -> Result<(), Failed> {
        self.0.stream.shutdown(Shutdown::Write).map_err(Failed)
    }
}

/// Serves one connection to its end.
fn serve(service: &impl Service, stream: UnixStream) {
    let line = Line { stream, budget: RefCell::default() };
    let server = Server::new(service, NoClock, Limits::DEVICE);
    let mut transport = Blocking::new(Socket(&line), Socket(&line));
    let (mut rx, mut tx) = ([0; 8 * 1024], [0; 2 * 1024]);
    loop {
        let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
        match block_on(server.serve(&mut transport, buffers), Waker::noop(), spin_loop) {
            // The buffers are free until something arrives. Here, they just wait with the thread.
            Ok(Ended::Idle) => {}
            // Whatever else: it is over, and closing the socket is all that is left to do. A stack
            // that can should reset it after `Ended::Cut`.
            _ => return,
        }
    }
}

struct Hello;

impl Service for Hello {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        Ok(exchange.respond(Status::OK).text("Hello from another network stack!\n"))
    }
}

fn main() -> io::Result<()> {
    let path = "target/port.sock";
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    println!("curl --unix-socket {path} http://localhost/");
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(move || serve(&Hello, stream));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_until_the_client_closes() -> io::Result<()> {
        let (mut client, stream) = UnixStream::pair()?;
        let serving = thread::spawn(move || serve(&Hello, stream));
        let mut replies = String::new();
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        }
        client.shutdown(Shutdown::Write)?;
        client.read_to_string(&mut replies)?;
        assert_eq!(replies.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{replies}");
        assert_eq!(replies.matches("Hello from another").count(), 2, "{replies}");
        assert!(serving.join().is_ok());
        Ok(())
    }
}
