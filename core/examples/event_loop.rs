//! A server of one's own around `framing::Connection`: an event loop over mio, and nothing else of
//! this project. It answers each request with how much content it had.
//!
//! ```text
//! cargo run -p thimble-core --example event_loop
//! curl --data-binary @Cargo.lock http://127.0.0.1:8080/
//! ```

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use thimble_core::bytes::cursor::Cursor;
use thimble_core::framing::{Connection, EmitError, Event, Length, Limits, Sender};
use thimble_core::message::Status;

const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    connection: Connection,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Octets of content that the request had so far.
    content: u64,
    /// No request follows any more: once the output is written, it is over.
    is_last: bool,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        let connection = Connection::new(Limits::DESKTOP);
        Self { stream, connection, input: vec![], output: vec![], content: 0, is_last: false }
    }

    /// Reads, answers and writes until the socket would block. Returns whether the client stays.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            while !self.output.is_empty() {
                match self.stream.write(&self.output) {
                    Ok(written) => drop(self.output.drain(..written)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                    Err(error) => return Err(error),
                }
            }
            if self.is_last {
                self.stream.shutdown(std::net::Shutdown::Write)?;
                return Ok(false);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => {
                    let ended = self.connection.receive_end(&self.input);
                    self.is_last = true;
                    if let Err(error) = ended {
                        self.reply(error.refusal().status, &error.refusal().reason)?;
                    }
                }
                Ok(count) => {
                    self.input.extend_from_slice(piece.get(..count).unwrap_or_default());
                    self.receive()?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes over what arrived, as far as it is whole.
    fn receive(&mut self) -> io::Result<()> {
        while !self.is_last {
            let received = match self.connection.receive(&self.input) {
                Ok(received) => received,
                Err(error) => {
                    self.is_last = true;
                    return self.reply(error.refusal().status, &error.refusal().reason);
                }
            };
            let consumed = received.consumed;
            match received.event {
                Event::More => {
                    self.input.drain(..consumed);
                    return Ok(());
                }
                Event::Head(_) => {
                    self.content = 0;
                    let mut interim = [0; 32];
                    let mut cursor = Cursor::new(&mut interim);
                    let (_, sender) = self.connection.sides();
                    sender.emit_continue(&mut cursor).map_err(io::Error::other)?;
                    let count = cursor.count();
                    self.output.extend_from_slice(interim.get(..count).unwrap_or_default());
                }
                Event::Content(piece) => self.content += piece.len() as u64,
                Event::Complete => {
                    self.reply(Status::OK, &format!("{} octets of content", self.content))?;
                    self.is_last = !self.connection.next_request();
                }
            }
            self.input.drain(..consumed);
        }
        Ok(())
    }

    fn reply(&mut self, status: Status, text: &str) -> io::Result<()> {
        let mut reply = [0; 512];
        let mut cursor = Cursor::new(&mut reply);
        emit(self.connection.reply(), status, text, &mut cursor).map_err(io::Error::other)?;
        let count = cursor.count();
        self.output.extend_from_slice(reply.get(..count).unwrap_or_default());
        Ok(())
    }
}

/// Emits a whole reply.
fn emit(
    sender: &mut Sender,
    status: Status,
    text: &str,
    output: &mut Cursor<'_>,
) -> Result<(), EmitError> {
    sender.emit_status(status, None, output)?;
    sender.emit_field("Content-Type", &[b"text/plain"], output)?;
    sender.emit_end_of_head(Length::Exact(text.len() as u64), output)?;
    sender.emit_content(text.as_bytes(), output)?;
    output.push(sender.end()?);
    Ok(())
}

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:8080".parse().map_err(io::Error::other)?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("Serving at http://{}/", listener.local_addr()?);

    let mut clients = HashMap::new();
    let mut next = 0;
    let mut events = Events::with_capacity(64);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != LISTENER {
                let stays = clients.get_mut(&event.token()).map(Client::advance);
                if !matches!(stays, Some(Ok(true))) {
                    clients.remove(&event.token());
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                let token = Token(next);
                next += 1;
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, token, interest)?;
                clients.insert(token, Client::new(stream));
            }
        }
    }
}
