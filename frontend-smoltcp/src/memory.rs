//! The memory of connections.

/// Memory for `N` connections, to be kept in a static or on the stack. Sizes are in octets.
///
/// | parameter | what it is | if nothing is said |
/// |---|---|---|
/// | `N` | connections, each with a socket | |
/// | `WINDOW` | a socket's receive buffer, and so the most that a client sends ahead | 1536 |
/// | `SEND` | a socket's transmit buffer | 2048 |
/// | `HEAD` | holds a request's head, and its content behind it: see [`Limits::within`] | 4096 |
/// | `REPLY` | holds a reply's head twice | 1024 |
///
/// [`Limits::within`]: thimble_core::Limits::within
///
/// ```
/// use thimble_smoltcp::Memory;
///
/// // Three connections for large forms, and a fourth to tell when they are busy.
/// let memory: Memory<4, 1536, 2048, 8192> = Memory::new();
/// assert_eq!(size_of_val(&memory), 4 * (1536 + 2048 + 8192 + 1024));
/// ```
#[derive(Debug)]
pub struct Memory<
    const N: usize,
    const WINDOW: usize = 1536,
    const SEND: usize = 2048,
    const HEAD: usize = 4096,
    const REPLY: usize = 1024,
> {
    pub(crate) connections: [Connection<WINDOW, SEND, HEAD, REPLY>; N],
}

/// Memory for one connection.
#[derive(Debug)]
pub(crate) struct Connection<
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
            Connection { window: [0; WINDOW], send: [0; SEND], head: [0; HEAD], reply: [0; REPLY] }
        }; N];
        Self { connections }
    }
}

impl<const N: usize, const WINDOW: usize, const SEND: usize, const HEAD: usize, const REPLY: usize>
    Default for Memory<N, WINDOW, SEND, HEAD, REPLY>
{
    fn default() -> Self {
        Self::new()
    }
}
