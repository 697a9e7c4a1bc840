//! A device that lets no client in while nobody could serve it.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken};
use smoltcp::time::Instant;

use crate::waiting::Syn;

/// A device from which a request for a connection to `port` is kept back unless `admits` says
/// otherwise, by the port that it comes from and its frame; smoltcp would reset the client. One that
/// was kept back and may pass now, comes before any other frame.
pub(crate) struct Gate<'d, D: ?Sized, F> {
    pub(crate) device: &'d mut D,
    pub(crate) port: u16,
    pub(crate) admits: F,
    pub(crate) waited: Option<Syn>,
}

impl<D: Device + ?Sized, F: Fn(u16, &[u8]) -> bool> Device for Gate<'_, D, F> {
    type RxToken<'a>
        = Frame<'a, D::RxToken<'a>, F>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if let Some(syn) = self.waited.take() {
            return Some((Frame::Waited(syn), self.device.transmit(now)?));
        }
        let header = match self.device.capabilities().medium {
            #[cfg(feature = "medium-ethernet")]
            Medium::Ethernet => ETHERNET,
            #[cfg(feature = "medium-ip")]
            Medium::Ip => 0,
            // Another crate may have switched on more.
            #[allow(unreachable_patterns)]
            _ => usize::MAX,
        };
        let (frame, tx) = self.device.receive(now)?;
        Some((Frame::New { frame, header, port: self.port, admits: &self.admits }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that was received.
pub(crate) enum Frame<'a, T, F> {
    /// Just now; `header` octets stand before that of IP.
    New { frame: T, header: usize, port: u16, admits: &'a F },
    /// A while ago.
    Waited(Syn),
}

impl<T: RxToken, F: Fn(u16, &[u8]) -> bool> RxToken for Frame<'_, T, F> {
    fn consume<R, P: FnOnce(&[u8]) -> R>(self, pass: P) -> R {
        match self {
            Self::Waited(syn) => pass(syn.frame()),
            Self::New { frame, header, port, admits } => frame.consume(|frame| {
                let packet = frame.get(header..).unwrap_or_default();
                let passes = source_of_syn(packet, port).is_none_or(|source| admits(source, frame));
                // smoltcp ignores an empty frame.
                pass(if passes { frame } else { &[] })
            }),
        }
    }

    fn meta(&self) -> smoltcp::phy::PacketMeta {
        match self {
            Self::Waited(_) => smoltcp::phy::PacketMeta::default(),
            Self::New { frame, .. } => frame.meta(),
        }
    }
}

/// Octets of an Ethernet header.
#[cfg(feature = "medium-ethernet")]
const ETHERNET: usize = 14;
/// The protocol number of TCP (RFC 9293 §3.1).
const TCP: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The port from which an IP packet asks for a connection to `port`, if that is what it does. What
/// is fragmented, or has extension headers, does not say so here.
fn source_of_syn(packet: &[u8], port: u16) -> Option<u16> {
    let octet = |at: usize| packet.get(at).copied().unwrap_or_default();
    let (protocol, length) = match octet(0) >> 4 {
        4 => (octet(9), usize::from(octet(0) & 0x0f) * 4),
        6 => (octet(6), 40),
        _ => return None,
    };
    let number = |at: usize| u16::from_be_bytes([octet(length + at), octet(length + at + 1)]);
    let is_syn = octet(length + 13) & (SYN | ACK) == SYN;
    (protocol == TCP && is_syn && number(2) == port).then(|| number(0))
}
