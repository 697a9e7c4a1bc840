//! A device that holds back SYNs while no socket listens.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use smoltcp::time::Instant;

use crate::server_state::ServerState;
use crate::syn::endpoints_of_syn;

/// A device that passes a SYN to smoltcp only if the server admits it: without a listening socket,
/// smoltcp would answer by a RST. Once a socket listens again, SYNs from the backlog come before the
/// device's next frame.
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
            // Another crate may enable further media of smoltcp.
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

/// A frame for smoltcp.
pub(crate) enum Frame<'a, 'm, T> {
    /// A frame from the device. Its IP packet begins after `header` octets.
    Received { frame: T, header: usize, server: &'a ServerState<'a, 'm> },
    /// The oldest SYN in the backlog.
    Queued(&'a ServerState<'a, 'm>),
}

impl<T: RxToken> RxToken for Frame<'_, '_, T> {
    fn consume<R, P: FnOnce(&[u8]) -> R>(self, pass: P) -> R {
        // smoltcp ignores an empty frame.
        match self {
            Self::Queued(server) => {
                let mut backlog = server.backlog_for_replay();
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

/// The length of an Ethernet header, in octets.
#[cfg(feature = "medium-ethernet")]
const ETHERNET: usize = 14;
