//! A device that lets no client in while nobody could serve it.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken};
use smoltcp::time::Instant;

/// A device from which a request for a connection to `port` is dropped while `shut`, so that the
/// client asks again; smoltcp would reset it.
#[derive(Debug)]
pub struct Gate<'d, D: ?Sized> {
    device: &'d mut D,
    port: u16,
    shut: bool,
}

impl<'d, D: Device + ?Sized> Gate<'d, D> {
    /// A gate before `device`.
    pub const fn new(device: &'d mut D, port: u16, shut: bool) -> Self {
        Self { device, port, shut }
    }
}

impl<D: Device + ?Sized> Device for Gate<'_, D> {
    type RxToken<'a>
        = Checked<D::RxToken<'a>>
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
        let port = self.shut.then_some(self.port);
        let (frame, tx) = self.device.receive(now)?;
        Some((Checked { frame, header, port }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that was received, if it may pass.
#[derive(Debug)]
pub struct Checked<T> {
    frame: T,
    /// Octets before the IP header.
    header: usize,
    /// The port that is shut.
    port: Option<u16>,
}

impl<T: RxToken> RxToken for Checked<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, pass: F) -> R {
        let Self { frame, header, port } = self;
        frame.consume(|frame| {
            let packet = frame.get(header..).unwrap_or_default();
            let is_dropped = port.is_some_and(|port| is_syn_to(packet, port));
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

/// Whether an IP packet asks for a connection to `port`. What is fragmented, or has extension
/// headers, does not say so here.
fn is_syn_to(packet: &[u8], port: u16) -> bool {
    let octet = |at: usize| packet.get(at).copied().unwrap_or_default();
    let (protocol, length) = match octet(0) >> 4 {
        4 => (octet(9), usize::from(octet(0) & 0x0f) * 4),
        6 => (octet(6), 40),
        _ => return false,
    };
    let destination = u16::from_be_bytes([octet(length + 2), octet(length + 3)]);
    protocol == TCP && destination == port && octet(length + 13) & (SYN | ACK) == SYN
}
