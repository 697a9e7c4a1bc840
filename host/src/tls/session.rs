//! What goes on over one connection, whether its socket blocks or not.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::ServerConnection;

use crate::send::PIECE;

/// The type of a record with a part of a handshake, which is what a client begins with (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// Octets that may follow a handshake that has failed.
const MOST_LEFT: usize = 64 * 1024;

/// Short records that leave together: those of a handshake.
const TOGETHER: usize = 8 * 1024;

/// A connected socket. Where it would have to wait, or has waited for long enough, a call fails with
/// [`ErrorKind::WouldBlock`], and the same call on the [`Session`] is made again later.
pub trait Wire: Read {
    /// Writes octets; `more` says that others follow at once.
    ///
    /// # Errors
    /// Those of the socket.
    fn send(&mut self, octets: &[u8], more: bool) -> io::Result<usize>;

    /// Shuts the sending side, when there is more to read; otherwise closing does it.
    fn shut(&mut self);

    /// Makes closing send what is left to be sent, then the end; otherwise it is a reset.
    fn close_in_order(&mut self);
}

/// The server's side of TLS on one connection.
#[derive(Debug)]
pub struct Session(Mutex<State>);

#[derive(Debug)]
struct State {
    talk: Talk,
    /// Octets that were encrypted for a write that has not returned yet.
    accepted: usize,
    /// Whether to shut the sending side once the client was told that nothing follows.
    shuts: bool,
}

/// What is spoken.
#[derive(Debug)]
enum Talk {
    /// Nothing has arrived.
    Begun(Box<ServerConnection>),
    Tls(Box<ServerConnection>),
    /// No TLS: what has arrived and was not read yet.
    Clear(Vec<u8>),
    /// Nothing any more: so many octets are dropped, so that the client reads the alert.
    Failed(usize),
}

impl Session {
    pub(super) fn new(mut connection: ServerConnection) -> Self {
        connection.set_buffer_limit(Some(PIECE));
        let talk = Talk::Begun(Box::new(connection));
        Self(Mutex::new(State { talk, accepted: 0, shuts: false }))
    }

    /// Reads what the client has sent; 0 at the end, which is one without a `close_notify`, too: a request
    /// knows its own length.
    ///
    /// # Errors
    /// Those of `wire`, and what the client does against the protocol.
    pub fn read(&self, wire: &mut dyn Wire, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        loop {
            match &mut state.talk {
                Talk::Begun(_) => state.begin(wire)?,
                Talk::Tls(connection) => match connection.reader().read(buffer) {
                    Ok(count) => return Ok(count),
                    Err(error) if is_of_no_octets(&error) => {
                        if !state.receive(wire)? {
                            return Ok(0);
                        }
                    }
                    Err(error) => return Err(error),
                },
                Talk::Clear(kept) if kept.is_empty() => return wire.read(buffer),
                Talk::Clear(kept) => {
                    let count = kept.len().min(buffer.len());
                    let rest = kept.split_off(count);
                    for (place, octet) in buffer.iter_mut().zip(mem::replace(kept, rest)) {
                        *place = octet;
                    }
                    return Ok(count);
                }
                Talk::Failed(left) => return Err(drop_octets(wire, left)),
            }
        }
    }

    /// Waits until [`read`](Self::read) has something for its caller, as far as that shows here. Returns false
    /// if it shows in the socket only.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn wait(&self, wire: &mut dyn Wire) -> io::Result<bool> {
        let mut state = self.state();
        loop {
            match &mut state.talk {
                Talk::Begun(_) => state.begin(wire)?,
                Talk::Tls(connection) => match connection.reader().into_first_chunk() {
                    Ok(_) => return Ok(true),
                    Err(error) if is_of_no_octets(&error) => {
                        if !state.receive(wire)? {
                            return Ok(true);
                        }
                    }
                    Err(error) => return Err(error),
                },
                Talk::Clear(kept) => return Ok(!kept.is_empty()),
                Talk::Failed(left) => return Err(drop_octets(wire, left)),
            }
        }
    }

    /// Writes octets, and returns how many have gone to the socket. A call that failed with
    /// [`ErrorKind::WouldBlock`] has to be made again with the same octets.
    ///
    /// # Errors
    /// Those of `wire`.
    pub fn write(&self, wire: &mut dyn Wire, octets: &[u8], more: bool) -> io::Result<usize> {
        let mut state = self.state();
        let State { talk, accepted, .. } = &mut *state;
        match talk {
            Talk::Clear(_) => wire.send(octets, more),
            Talk::Begun(_) | Talk::Failed(_) => Err(ErrorKind::BrokenPipe.into()),
            Talk::Tls(connection) => {
                flush(connection, wire, more)?;
                if *accepted == 0 {
                    let piece = octets.get(..PIECE).unwrap_or(octets);
                    *accepted = connection.writer().write(piece)?;
                    flush(connection, wire, more)?;
                }
                Ok(mem::take(accepted).min(octets.len()))
            }
        }
    }

    /// Tells the client that nothing follows, by a `close_notify`, and shuts the sending side behind it. If
    /// there is no room for that, a later [`read`](Self::read) does it.
    pub fn shut(&self, wire: &mut dyn Wire) {
        let mut state = self.state();
        if state.has_said_goodbye(wire) {
            wire.shut();
        } else {
            state.shuts = true;
        }
    }

    /// Tells the client that nothing follows, if there is room for that, and has the connection closed in
    /// order.
    pub fn close_in_order(&self, wire: &mut dyn Wire) {
        self.state().has_said_goodbye(wire);
        wire.close_in_order();
    }

    /// Whether the handshake has not ended yet, or has failed.
    pub fn is_greeting(&self) -> bool {
        match &self.state().talk {
            Talk::Begun(_) | Talk::Failed(_) => true,
            Talk::Tls(connection) => connection.is_handshaking(),
            Talk::Clear(_) => false,
        }
    }

    /// Whether the client speaks TLS, and not in the clear.
    pub fn is_secure(&self) -> bool {
        !matches!(self.state().talk, Talk::Clear(_))
    }

    /// Whether there is something to read without a look at the socket.
    pub fn has_octets(&self) -> bool {
        match &mut self.state().talk {
            Talk::Tls(connection) => connection.reader().into_first_chunk().is_ok(),
            Talk::Clear(kept) => !kept.is_empty(),
            Talk::Begun(_) | Talk::Failed(_) => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Reads the first octets, and sees what they are.
    fn begin(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let Talk::Begun(connection) = &mut self.talk else { return Ok(()) };
        let mut first = First { wire, clear: None };
        let outcome = connection.read_tls(&mut first);
        let clear = first.clear;
        self.talk = match (clear, mem::replace(&mut self.talk, Talk::Failed(MOST_LEFT))) {
            (Some(octets), _) => Talk::Clear(octets),
            (None, Talk::Begun(connection)) if matches!(outcome, Ok(1..)) => Talk::Tls(connection),
            (None, talk) => {
                self.talk = talk;
                return match outcome {
                    // It has left without a word.
                    Ok(_) => {
                        self.talk = Talk::Clear(Vec::new());
                        Ok(())
                    }
                    Err(error) => Err(error),
                };
            }
        };
        self.look(wire)
    }

    /// Reads once. Returns false at the end.
    fn receive(&mut self, wire: &mut dyn Wire) -> io::Result<bool> {
        let Talk::Tls(connection) = &mut self.talk else { return Ok(true) };
        match flush(connection, wire, false) {
            Ok(()) if mem::take(&mut self.shuts) => wire.shut(),
            // Both ways are waited for.
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if connection.read_tls(&mut Plain(wire))? == 0 {
            return Ok(false);
        }
        self.look(wire).map(|()| true)
    }

    /// Tells the client that nothing follows. Returns false if there is no room for it.
    fn has_said_goodbye(&mut self, wire: &mut dyn Wire) -> bool {
        let Talk::Tls(connection) = &mut self.talk else { return true };
        // A second one is not sent.
        connection.send_close_notify();
        !flush(connection, wire, false).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Looks at what has arrived, and answers it if it is of a handshake.
    fn look(&mut self, wire: &mut dyn Wire) -> io::Result<()> {
        let Talk::Tls(connection) = &mut self.talk else { return Ok(()) };
        let was_greeting = connection.is_handshaking();
        let outcome = connection.process_new_packets();
        match flush(connection, wire, false) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        match outcome {
            Ok(_) => Ok(()),
            Err(_) if was_greeting => {
                // The alert would be lost if what still comes reset the connection.
                wire.close_in_order();
                wire.shut();
                self.talk = Talk::Failed(MOST_LEFT);
                Ok(())
            }
            Err(error) => Err(io::Error::new(ErrorKind::InvalidData, error)),
        }
    }
}

/// Sends what is encrypted.
fn flush(connection: &mut ServerConnection, wire: &mut dyn Wire, more: bool) -> io::Result<()> {
    while connection.wants_write() {
        if connection.write_tls(&mut Records { wire, more })? == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// Whether a reader only says that it has nothing yet.
fn is_of_no_octets(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::UnexpectedEof)
}

/// Reads what nobody wants, until the end. Returns why the connection is over, or has to wait.
fn drop_octets(wire: &mut dyn Wire, left: &mut usize) -> io::Error {
    let mut octets = [0; 1024];
    while *left > 0 {
        match wire.read(&mut octets) {
            Ok(0) => break,
            Ok(count) => *left = left.saturating_sub(count),
            Err(error) => return error,
        }
    }
    ErrorKind::InvalidData.into()
}

/// A wire to read from.
struct Plain<'w>(&'w mut dyn Wire);

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// A wire that takes its first octets back if they are no TLS.
struct First<'w> {
    wire: &'w mut dyn Wire,
    clear: Option<Vec<u8>>,
}

impl Read for First<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.wire.read(buffer)?;
        let octets = buffer.get(..count).unwrap_or_default();
        match octets.first() {
            None | Some(&HANDSHAKE) => Ok(count),
            Some(_) => {
                self.clear = Some(octets.to_vec());
                Err(ErrorKind::InvalidData.into())
            }
        }
    }
}

/// A wire that takes records.
struct Records<'w> {
    wire: &'w mut dyn Wire,
    more: bool,
}

impl Write for Records<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.wire.send(octets, self.more)
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        match records {
            [] => Ok(0),
            [one] => self.wire.send(one, self.more),
            [first, ..] if first.len() > TOGETHER / 2 => self.wire.send(first, true),
            records => {
                let mut together = Vec::with_capacity(TOGETHER);
                let mut has_more = self.more;
                for record in records {
                    let room = TOGETHER - together.len();
                    let part = record.get(..room);
                    has_more |= part.is_some();
                    together.extend_from_slice(part.unwrap_or(record));
                    if part.is_some() {
                        break;
                    }
                }
                self.wire.send(&together, has_more)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
