//! SYNs that wait until a socket listens.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use crate::syn::endpoints_of_syn;

/// The number of SYNs in the backlog for each socket. Further SYNs are dropped, and their clients
/// retransmit them.
pub(crate) const SYNS_PER_SOCKET: usize = 4;
/// The longest frame that fits, in octets: Ethernet header, IPv4 header without options, and TCP
/// header with all options; or Ethernet and IPv6 headers, and a TCP header with the options that
/// clients send in practice. Longer frames are dropped.
const MAX_FRAME: usize = 14 + 20 + 60;
/// How long a SYN stays in the backlog. Clients retransmit it at intervals of 1, 2 and 4 seconds, some
/// of 3 and 6: a client that has not done so for this long has given up.
const LIFETIME: Duration = Duration::from_secs(8);

/// Frames with SYNs that arrived while no socket listened, at most one for each client. They are kept
/// because a client retransmits at ever longer intervals, and would wait longer than it has to.
#[derive(Debug)]
pub(crate) struct Backlog<'m>(pub(crate) &'m mut [Syn]);

/// A frame with a SYN, or room for one.
#[derive(Clone, Debug)]
pub(crate) struct Syn {
    frame: [u8; MAX_FRAME],
    /// The length of the frame in octets; 0 without a frame.
    length: u8,
    /// Where in the frame the IP packet begins.
    header: u8,
    /// When the client sent its first SYN, and when its latest one.
    first: Instant,
    latest: Instant,
}

impl Syn {
    /// Room for a SYN. All of it is zero, so that a static of it takes no flash.
    pub(crate) const NONE: Self = Self {
        frame: [0; MAX_FRAME],
        length: 0,
        header: 0,
        first: Instant::ZERO,
        latest: Instant::ZERO,
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
    /// Adds a SYN of `client`. It replaces an earlier SYN of the same client, which keeps its turn.
    /// Without room, the SYN is dropped.
    pub(crate) fn put(&mut self, frame: &[u8], header: usize, client: IpEndpoint, now: Instant) {
        let place = self.0.iter().position(|syn| syn.is_from(client));
        let place = place.or_else(|| self.0.iter().position(Syn::is_none));
        if let Some(syn) = place.and_then(|place| self.0.get_mut(place))
            && let Some(octets) = syn.frame.get_mut(..frame.len())
            && let (Ok(length), Ok(header)) = (frame.len().try_into(), header.try_into())
        {
            octets.copy_from_slice(frame);
            if syn.is_none() {
                syn.first = now;
            }
            (syn.length, syn.header, syn.latest) = (length, header, now);
        }
    }

    /// Removes the SYN of `client`, if there is one.
    pub(crate) fn remove(&mut self, client: IpEndpoint) {
        for syn in self.0.iter_mut().filter(|syn| syn.is_from(client)) {
            syn.length = 0;
        }
    }

    /// Removes the SYNs that were not retransmitted for [`LIFETIME`].
    pub(crate) fn expire(&mut self, now: Instant) {
        for syn in self.0.iter_mut().filter(|syn| syn.latest + LIFETIME <= now) {
            syn.length = 0;
        }
    }

    /// Removes the SYN of the client that has waited longest, and returns its frame.
    pub(crate) fn take(&mut self) -> Option<&[u8]> {
        let queued = self.0.iter_mut().filter(|syn| !syn.is_none());
        let syn = queued.min_by_key(|syn| syn.first)?;
        let length = core::mem::take(&mut syn.length);
        syn.frame.get(..length.into())
    }

    /// The number of clients that wait.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().filter(|syn| !syn.is_none()).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Syn::is_none)
    }
}
