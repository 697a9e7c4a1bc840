//! Deadlines: how long a client may keep a connection.

use smoltcp::time::Duration;

/// How long a client may keep the server waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// For the handshake of a new connection.
    pub handshake: Duration,
    /// For the first octet of a request.
    pub idle: Duration,
    /// For a whole head, from its first octet.
    pub head: Duration,
    /// How far content and reply may fall behind [`rate`](Self::rate).
    pub lag: Duration,
    /// The least rate at which content has to arrive and a reply has to be taken, in octets per
    /// second.
    pub rate: u32,
    /// For the end of the connection, once the client has acknowledged all that it was sent.
    pub drain: Duration,
}

impl Deadlines {
    /// For a microcontroller, which has few connections to give away.
    pub const DEVICE: Self = Self {
        handshake: Duration::from_secs(3),
        idle: Duration::from_secs(30),
        head: Duration::from_secs(10),
        lag: Duration::from_secs(10),
        rate: 1024,
        drain: Duration::from_secs(2),
    };

    /// The time that so many octets take at the least rate.
    pub(crate) fn time_for(&self, octets: usize) -> Duration {
        let micros = (octets as u64).saturating_mul(1_000_000) / u64::from(self.rate.max(1));
        Duration::from_micros(micros)
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self::DEVICE
    }
}
