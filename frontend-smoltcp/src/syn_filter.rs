//! A device that lets no client in while nobody could serve it.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint};

use crate::server_state::ServerState;

/// A device from which a request for a connection is kept back unless the server admits it; smoltcp
/// would reset the client. One that was kept back and may pass now, comes before any other frame.
pub(crate) struct SynFilter<'d, 'm, D: ?Sized> {
    pub(crate) device: &'d mut D,
    pub(crate) server: &'d ServerState<'d, 'm>,
}

impl<'m, D: Device + ?Sized> Device for SynFilter<'_, 'm, D> {
    type RxToken<'a>
        = Frame<'a, 'm, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.server.can_replay() {
            return Some((Frame::Queued(self.server), self.device.transmit(now)?));
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
        Some((Frame::Received { frame, header, server: self.server }, tx))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A frame that was received.
pub(crate) enum Frame<'a, 'm, T> {
    /// Just now; `header` octets stand before that of IP.
    Received { frame: T, header: usize, server: &'a ServerState<'a, 'm> },
    /// A while ago: the next one that waits.
    Queued(&'a ServerState<'a, 'm>),
}

impl<T: RxToken> RxToken for Frame<'_, '_, T> {
    fn consume<R, P: FnOnce(&[u8]) -> R>(self, pass: P) -> R {
        // smoltcp ignores an empty frame.
        match self {
            Self::Queued(server) => {
                let mut backlog = server.take_backlog();
                pass(backlog.as_mut().and_then(|backlog| backlog.take()).unwrap_or_default())
            }
            Self::Received { frame, header, server } => frame.consume(|frame| {
                let packet = frame.get(header..).unwrap_or_default();
                let passes = match endpoints_of_syn(packet) {
                    Some((client, port)) if port == server.port => {
                        server.admits(client, frame, header)
                    }
                    _ => true,
                };
                pass(if passes { frame } else { &[] })
            }),
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Self::Queued(_) => PacketMeta::default(),
            Self::Received { frame, .. } => frame.meta(),
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

/// The endpoint that asks for a connection by an IP packet, and the port to which it does, if that is
/// what the packet does. What is fragmented, or has extension headers, does not say so here.
pub(crate) fn endpoints_of_syn(packet: &[u8]) -> Option<(IpEndpoint, u16)> {
    let octet = |at: usize| packet.get(at).copied().unwrap_or_default();
    let (protocol, length, address) = match octet(0) >> 4 {
        #[cfg(feature = "proto-ipv4")]
        4 => {
            let source: &[u8; 4] = packet.get(12..)?.first_chunk()?;
            (octet(9), usize::from(octet(0) & 0x0f) * 4, IpAddress::Ipv4((*source).into()))
        }
        #[cfg(feature = "proto-ipv6")]
        6 => {
            let source: &[u8; 16] = packet.get(8..)?.first_chunk()?;
            (octet(6), 40, IpAddress::Ipv6((*source).into()))
        }
        _ => return None,
    };
    let number = |at: usize| u16::from_be_bytes([octet(length + at), octet(length + at + 1)]);
    let is_syn = octet(length + 13) & (SYN | ACK) == SYN;
    (protocol == TCP && is_syn).then(|| (IpEndpoint::new(address, number(0)), number(2)))
}
