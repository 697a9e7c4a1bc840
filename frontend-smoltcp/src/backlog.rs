//! Clients that wait for a socket.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use crate::syn_filter::endpoints_of_syn;

/// How many may wait for each socket that there is. More are not heard, and ask again.
pub(crate) const SYNS_PER_SOCKET: usize = 4;
/// The longest request for a connection: an Ethernet header, one of IPv4 without options, and TCP's
/// with all that it may have; or as much of IPv6's, with what clients send. A longer one is not kept.
const MAX_FRAME: usize = 14 + 20 + 60;
/// How long a request is kept. Clients ask again after one second, and then after two and four more,
/// or some after six. One that hasn't by then is gone.
const LIFETIME: Duration = Duration::from_secs(8);

/// Frames by which clients asked for a connection while no socket listened. Who isn't heard asks
/// again, but later each time; so requests are kept until a socket listens.
#[derive(Debug)]
pub(crate) struct Backlog<'m>(pub(crate) &'m mut [Syn]);

/// A request for a connection, or room for one.
#[derive(Clone, Debug)]
pub(crate) struct Syn {
    frame: [u8; MAX_FRAME],
    /// Octets of the frame; 0 if there is none.
    length: u8,
    /// Octets of it before the IP header.
    header: u8,
    /// When the client asked first, and when last.
    first: Instant,
    last: Instant,
}

impl Syn {
    /// No request. It is zero throughout, so that it takes no flash in a static.
    pub(crate) const NONE: Self = Self {
        frame: [0; MAX_FRAME],
        length: 0,
        header: 0,
        first: Instant::ZERO,
        last: Instant::ZERO,
    };

    fn is_none(&self) -> bool {
        self.length == 0
    }

    fn is_from(&self, client: IpEndpoint) -> bool {
        let packet = self.frame.get(self.header.into()..self.length.into()).unwrap_or_default();
        endpoints_of_syn(packet).is_some_and(|(source, _)| source == client)
    }
}

impl Backlog<'_> {
    /// Keeps a client's request, instead of the one before.
    pub(crate) fn put(&mut self, frame: &[u8], header: usize, client: IpEndpoint, now: Instant) {
        let place = self.0.iter().position(|syn| syn.is_from(client));
        let place = place.or_else(|| self.0.iter().position(Syn::is_none));
        if let Some(syn) = place.and_then(|place| self.0.get_mut(place))
            && let Some(room) = syn.frame.get_mut(..frame.len())
            && let (Ok(length), Ok(header)) = (frame.len().try_into(), header.try_into())
        {
            room.copy_from_slice(frame);
            if syn.is_none() {
                syn.first = now;
            }
            (syn.length, syn.header, syn.last) = (length, header, now);
        }
    }

    /// Forgets a client's request.
    pub(crate) fn remove(&mut self, client: IpEndpoint) {
        for syn in self.0.iter_mut().filter(|syn| syn.is_from(client)) {
            syn.length = 0;
        }
    }

    /// Forgets those who have not asked again for long: they may be gone.
    pub(crate) fn expire(&mut self, now: Instant) {
        for syn in self.0.iter_mut().filter(|syn| syn.last + LIFETIME <= now) {
            syn.length = 0;
        }
    }

    /// Takes the request of the client that has waited longest.
    pub(crate) fn take(&mut self) -> Option<&[u8]> {
        let queued = self.0.iter_mut().filter(|syn| !syn.is_none());
        let syn = queued.min_by_key(|syn| syn.first)?;
        let length = core::mem::take(&mut syn.length);
        syn.frame.get(..length.into())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().filter(|syn| !syn.is_none()).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Syn::is_none)
    }
}
