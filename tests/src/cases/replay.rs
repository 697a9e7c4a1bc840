//! Rows of the tables, replayed on servers in memory.

use std::collections::HashMap;

use thimble_core::server::Driver;
use thimble_core::service::Storage;
use thimble_core::service::html::REFUSAL_PAGE;

use crate::cases::transcript::{FOLLOW_UP, Octets, Transcript};
use crate::cases::{Case, End};
use crate::memory::{FixedClock, Fixture, NOW, Served, Then, Wire};
use thimble_test_app::{App, Root, Setting};

/// Octets of a transmit buffer that is of the usual size.
pub const TRANSMIT: usize = 16 * 1024;

/// A server in memory with its buffers, used again and again, and never cleaned in between.
#[derive(Debug)]
pub struct Replay<S = Fixture> {
    server: Driver<App<S>, FixedClock>,
    rx: Vec<u8>,
    tx: Vec<u8>,
}

impl<S: Storage> Replay<S> {
    /// A server of `storage` with a transmit buffer of so many octets.
    pub fn new(setting: Setting, storage: S, transmit: usize) -> Self {
        let limits = setting.limits.limits();
        let clock = FixedClock(setting.clock.then_some(NOW));
        Self {
            server: Driver::new(App::with(setting, storage), clock, limits)
                .refusal_page(REFUSAL_PAGE),
            rx: vec![b'\n'; limits.receive_buffer()],
            tx: vec![b'\n'; transmit],
        }
    }

    /// A server as small as that of a microcontroller, which has no clock; the usual limits are its
    /// own.
    pub fn of_a_device(setting: Setting, storage: S) -> Self {
        let limits = setting.limits.of_a_device();
        Self {
            server: Driver::new(App::with(setting, storage), FixedClock(None), limits)
                .refusal_page(REFUSAL_PAGE),
            rx: vec![b'\n'; 4096],
            tx: vec![b'\n'; 1024],
        }
    }

    /// Delivers what `case` sends in `pieces`, and what follows where the connection stays open.
    ///
    /// # Errors
    /// The server cut the connection, or sent what is no reply.
    pub fn run(&mut self, case: &Case, pieces: &[&[u8]]) -> Result<Transcript, String> {
        match (case.shut, case.end) {
            (true, _) => self.run_all(pieces, Then::Shut),
            (false, End::Close) => self.run_all(pieces, Then::Wait),
            (false, End::Open) => self.run_all(&[pieces, &[FOLLOW_UP]].concat(), Then::Wait),
        }
    }

    /// Delivers `pieces`, and nothing else.
    ///
    /// # Errors
    /// The server cut the connection, or sent what is no reply.
    pub fn run_all(&mut self, pieces: &[&[u8]], then: Then) -> Result<Transcript, String> {
        let mut wire = Wire::new(pieces, then);
        let served = self.serve(&mut wire);
        let output = Octets(wire.output());
        match served {
            Ok(Served::Cut) => Err(format!("the connection was cut after {output}")),
            Err(error) => Err(format!("the transport failed ({error:?}) after {output}")),
            Ok(served) => Transcript::read(wire.output(), wire.to_head(), served == Served::Closed),
        }
    }

    /// Serves one connection to its end.
    ///
    /// # Errors
    /// The transport failed.
    pub fn serve(&mut self, wire: &mut Wire<'_>) -> Result<Served, embedded_io::ErrorKind> {
        wire.serve(&self.server, &mut self.rx, &mut self.tx)
    }
}

/// Servers in memory over one kind of storage: one for each setting, made when it is first asked
/// for.
#[derive(Debug)]
pub struct Replays<S, F> {
    open: F,
    transmit: usize,
    made: HashMap<Setting, Replay<S>>,
}

impl<S: Storage, F: Fn(Root) -> S> Replays<S, F> {
    /// Over the storages that `open` gives, with transmit buffers of so many octets.
    pub fn new(open: F, transmit: usize) -> Self {
        Self { open, transmit, made: HashMap::new() }
    }

    /// The server that is set up in this way.
    pub fn with(&mut self, setting: Setting) -> &mut Replay<S> {
        let new = || Replay::new(setting, (self.open)(setting.root), self.transmit);
        self.made.entry(setting).or_insert_with(new)
    }

    /// The entity tag that is sent for `path` of `root` in `coding`.
    pub fn entity_tag(&mut self, root: Root, path: &str, coding: &str) -> String {
        let replay = self.with(Setting { root, ..Setting::USUAL });
        let request = entity_tag_request(path, coding);
        let transcript = replay.run_all(&[request.as_slice()], Then::Wait);
        entity_tag(transcript.as_ref().ok(), coding)
    }
}

/// Asks for the entity tag of `path` in `coding`, and closes the connection.
pub fn entity_tag_request(path: &str, coding: &str) -> Vec<u8> {
    let request = format!(
        "HEAD {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\
         Connection: close\r\n\r\n"
    );
    request.into_bytes()
}

/// The entity tag in the reply to [`entity_tag_request`], or one that nothing has: then rows about
/// it fail, and say why.
pub fn entity_tag(transcript: Option<&Transcript>, coding: &str) -> String {
    let reply = transcript.and_then(|transcript| transcript.replies.first());
    let sent =
        reply.filter(|reply| reply.field("Content-Encoding").unwrap_or("identity") == coding);
    sent.and_then(|reply| reply.field("ETag")).unwrap_or("\"none-was-sent\"").to_owned()
}
