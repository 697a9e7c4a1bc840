//! A device that lets no client in while nobody could serve it.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken};
use smoltcp::time::Instant;

/// A device from which a request for a connection to `port` is dropped unless `admits` says
/// otherwise, by the port that it comes from. The client asks again then; smoltcp would reset it.
pub(crate) struct Gate<'d, D: ?Sized, F> {
    device: &'d mut D,
    port: u16,
    admits: F,
}

impl<'d, D: Device + ?Sized, F: Fn(u16) -> bool> Gate<'d, D, F> {
    /// A gate before `device`.
    pub(crate) const fn new(device: &'d mut D, port: u16, admits: F) -> Self {
        Self { device, port, admits }
    }
}

impl<D: Device + ?Sized, F: Fn(u16) -> bool> Device for Gate<'_, D, F> {
    type RxToken<'a>
        = Checked<'a, D::RxToken<'a>, F>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
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
        Some((Checked { frame, header, port: self.port, admits: &self.admits }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that was received, if it may pass.
pub(crate) struct Checked<'a, T, F> {
    frame: T,
    /// Octets before the IP header.
    header: usize,
    port: u16,
    admits: &'a F,
}

impl<T: RxToken, F: Fn(u16) -> bool> RxToken for Checked<'_, T, F> {
    fn consume<R, P: FnOnce(&[u8]) -> R>(self, pass: P) -> R {
        let Self { frame, header, port, admits } = self;
        frame.consume(|frame| {
            let packet = frame.get(header..).unwrap_or_default();
            let is_dropped = source_of_syn(packet, port).is_some_and(|source| !admits(source));
            // smoltcp ignores an empty frame.
            pass(if is_dropped { &[] } else { frame })
        })
    }

    fn meta(&self) -> smoltcp::phy::PacketMeta {
        self.frame.meta()
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
