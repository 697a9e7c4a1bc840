//! The memory that connections need.

use crate::backlog::{SYNS_PER_SOCKET, Syn};

/// Memory for `N` connections, to be placed in a static or on the stack. Sizes are in octets.
///
/// | parameter | meaning | default |
/// |---|---|---|
/// | `N` | the number of connections, each with its own socket | |
/// | `RECEIVE` | size of a socket's receive buffer, and so of the largest TCP window | 1536 |
/// | `SEND` | size of a socket's transmit buffer | 2048 |
/// | `HEAD` | size of the buffer for a request's head and for content behind it: see [`Limits::within`] | 4096 |
/// | `REPLY` | size of the buffer for replies; half of it has to hold the head of any reply | 1024 |
///
/// Another 448 octets for each connection hold the SYNs of four clients that wait for a socket.
///
/// [`Limits::within`]: thimble_core::Limits::within
///
/// ```
/// use thimble_smoltcp::Memory;
///
/// // Three connections for large forms, and a fourth socket that listens meanwhile.
/// let memory: Memory<4, 1536, 2048, 8192> = Memory::new();
/// assert_eq!(size_of_val(&memory), 4 * (1536 + 2048 + 8192 + 1024 + 448));
/// ```
#[derive(Debug)]
pub struct Memory<
    const N: usize,
    const RECEIVE: usize = 1536,
    const SEND: usize = 2048,
    const HEAD: usize = 4096,
    const REPLY: usize = 1024,
> {
    pub(crate) connections: [ConnectionMemory<RECEIVE, SEND, HEAD, REPLY>; N],
    /// SYNs that wait until a socket listens.
    pub(crate) backlog: [[Syn; SYNS_PER_SOCKET]; N],
}

/// The buffers of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionMemory<
    const RECEIVE: usize,
    const SEND: usize,
    const HEAD: usize,
    const REPLY: usize,
> {
    pub(crate) receive: [u8; RECEIVE],
    pub(crate) send: [u8; SEND],
    pub(crate) head: [u8; HEAD],
    pub(crate) reply: [u8; REPLY],
}

impl<const N: usize, const RECEIVE: usize, const SEND: usize, const HEAD: usize, const REPLY: usize>
    Memory<N, RECEIVE, SEND, HEAD, REPLY>
{
    /// Memory that no server uses yet. All of it is zero, so that a static of it takes no flash.
    pub const fn new() -> Self {
        const { assert!(N > 0, "a server needs a connection") };
        let connections = [const {
            ConnectionMemory {
                receive: [0; RECEIVE],
                send: [0; SEND],
                head: [0; HEAD],
                reply: [0; REPLY],
            }
        }; N];
        Self { connections, backlog: [const { [const { Syn::NONE }; SYNS_PER_SOCKET] }; N] }
    }
}

impl<const N: usize, const RECEIVE: usize, const SEND: usize, const HEAD: usize, const REPLY: usize>
    Default for Memory<N, RECEIVE, SEND, HEAD, REPLY>
{
    fn default() -> Self {
        Self::new()
    }
}
