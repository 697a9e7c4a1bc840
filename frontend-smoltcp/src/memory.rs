//! The memory of connections.

use crate::backlog::{SYNS_PER_SOCKET, Syn};

/// Memory for `N` connections, in a static or on the stack. Sizes are in octets.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `N` | connections, each with a socket | |
/// | `WINDOW` | a socket's receive buffer, and so the most that a client sends ahead | 1536 |
/// | `SEND` | a socket's transmit buffer | 2048 |
/// | `HEAD` | holds a request's head, and its content behind it: see [`Limits::within`] | 4096 |
/// | `REPLY` | holds a reply's head twice | 1024 |
///
/// Another 448 octets for each connection hold the connection requests of four waiting clients.
///
/// [`Limits::within`]: thimble_core::Limits::within
///
/// ```
/// use thimble_smoltcp::Memory;
///
/// // Three connections that take large forms, and a fourth socket that listens meanwhile.
/// let memory: Memory<4, 1536, 2048, 8192> = Memory::new();
/// assert_eq!(size_of_val(&memory), 4 * (1536 + 2048 + 8192 + 1024 + 448));
/// ```
#[derive(Debug)]
pub struct Memory<
    const N: usize,
    const WINDOW: usize = 1536,
    const SEND: usize = 2048,
    const HEAD: usize = 4096,
    const REPLY: usize = 1024,
> {
    pub(crate) connections: [ConnectionMemory<WINDOW, SEND, HEAD, REPLY>; N],
    /// Clients that wait for a socket.
    pub(crate) backlog: [[Syn; SYNS_PER_SOCKET]; N],
}

/// Memory for one connection.
#[derive(Debug)]
pub(crate) struct ConnectionMemory<
    const WINDOW: usize,
    const SEND: usize,
    const HEAD: usize,
    const REPLY: usize,
> {
    pub(crate) window: [u8; WINDOW],
    pub(crate) send: [u8; SEND],
    pub(crate) head: [u8; HEAD],
    pub(crate) reply: [u8; REPLY],
}

impl<const N: usize, const WINDOW: usize, const SEND: usize, const HEAD: usize, const REPLY: usize>
    Memory<N, WINDOW, SEND, HEAD, REPLY>
{
    /// Empty memory.
    pub const fn new() -> Self {
        const { assert!(N > 0, "a server needs a connection") };
        let connections = [const {
            ConnectionMemory {
                window: [0; WINDOW],
                send: [0; SEND],
                head: [0; HEAD],
                reply: [0; REPLY],
            }
        }; N];
        Self { connections, backlog: [const { [const { Syn::NONE }; SYNS_PER_SOCKET] }; N] }
    }
}

impl<const N: usize, const WINDOW: usize, const SEND: usize, const HEAD: usize, const REPLY: usize>
    Default for Memory<N, WINDOW, SEND, HEAD, REPLY>
{
    fn default() -> Self {
        Self::new()
    }
}
