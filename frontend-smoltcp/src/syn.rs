//! The segment that asks for a connection, a SYN (RFC 9293 §3.5).

use smoltcp::wire::{IpAddress, IpEndpoint};

/// The protocol number of TCP.
const TCP: u8 = 6;
/// Bits of the octet of flags in a TCP header (RFC 9293 §3.1).
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The client's endpoint and the destination port, if the IP packet holds a SYN without an ACK;
/// otherwise `None`. A SYN in fragments or behind IPv6 extension headers is not recognised.
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
