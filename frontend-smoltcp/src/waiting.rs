//! Clients that wait for a socket.

use smoltcp::time::{Duration, Instant};

/// How many may wait. More are not heard, and ask again.
const CLIENTS: usize = 4;
/// The longest request for a connection: an Ethernet header, one of IPv4 without options, and TCP's
/// with all that it may have; or as much of IPv6's, with what clients send. A longer one is not kept.
const LONGEST: usize = 14 + 20 + 60;

/// Frames by which clients asked for a connection while no socket listened. TCP asks again a second
/// later, some stacks after six; so their request is kept until a socket does.
#[derive(Debug, Default)]
pub(crate) struct Waiting([Option<Syn>; CLIENTS]);

/// A request for a connection.
#[derive(Debug)]
pub(crate) struct Syn {
    frame: [u8; LONGEST],
    length: usize,
    /// The client's port.
    source: u16,
    since: Instant,
}

impl Syn {
    pub(crate) fn frame(&self) -> &[u8] {
        self.frame.get(..self.length).unwrap_or_default()
    }
}

impl Waiting {
    /// Keeps a request, instead of the one before from the same port.
    pub(crate) fn put(&mut self, frame: &[u8], source: u16, now: Instant) {
        self.remove(source);
        let mut syn = Syn { frame: [0; LONGEST], length: frame.len(), source, since: now };
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none())
            && let Some(room) = syn.frame.get_mut(..frame.len())
        {
            room.copy_from_slice(frame);
            *place = Some(syn);
        }
    }

    /// Forgets the request from a port.
    pub(crate) fn remove(&mut self, source: u16) {
        for place in &mut self.0 {
            place.take_if(|syn| syn.source == source);
        }
    }

    /// Forgets those who have waited for so long: they may be gone.
    pub(crate) fn expire(&mut self, patience: Duration, now: Instant) {
        for place in &mut self.0 {
            place.take_if(|syn| syn.since + patience <= now);
        }
    }

    /// Takes the request that has waited longest.
    pub(crate) fn take(&mut self) -> Option<Syn> {
        let waiting = self.0.iter_mut().filter(|place| place.is_some());
        waiting.min_by_key(|place| place.as_ref().map(|syn| syn.since))?.take()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }
}
