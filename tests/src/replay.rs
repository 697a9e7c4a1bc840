//! Rows of the tables, replayed on a server in memory.

use thimble_core::Limits;
use thimble_core::server::Server;

use crate::app::App;
use crate::cases::{Case, End, Setting, Sizes};
use crate::memory::{FixedClock, Fixture, MODIFIED, Served, Then, Wire};
use crate::transcript::{FOLLOW_UP, Octets, Transcript};

/// Octets of a transmit buffer that is of the usual size.
pub const TRANSMIT: usize = 16 * 1024;

/// A server in memory with its buffers, used again and again, and never cleaned in between.
#[derive(Debug)]
pub struct Replay {
    server: Server<App<Fixture>, FixedClock>,
    rx: Vec<u8>,
    tx: Vec<u8>,
}

impl Replay {
    /// A server of `fixture` with a transmit buffer of so many octets.
    pub fn new(setting: Setting, fixture: Fixture, transmit: usize) -> Self {
        let limits = setting.limits.limits();
        let clock = FixedClock(setting.clock.then_some(MODIFIED));
        Self {
            server: Server::new(App::new(fixture), clock, limits),
            rx: vec![b'\n'; limits.receive_buffer()],
            tx: vec![b'\n'; transmit],
        }
    }

    /// A server as small as that of a microcontroller, which has no clock; the usual limits are its
    /// own.
    pub fn of_a_device(sizes: Sizes, fixture: Fixture) -> Self {
        let limits = match sizes {
            Sizes::Usual => Limits::DEVICE,
            Sizes::Small => sizes.limits(),
        };
        Self {
            server: Server::new(App::new(fixture), FixedClock(None), limits),
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
