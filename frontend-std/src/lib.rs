//! The Thimble HTTP/1.1 server over std sockets.
//!
//! Everything that is HTTP comes from [`thimble_core`]; here are the sockets, threads, clocks and
//! files of a desktop. There is no async runtime: a handler's future is run on the thread of its
//! connection, which is parked while the future waits for anything.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a listener |
//! | [`folder`] | [`Folder`]: a storage that no path leads out of |
//! | [`deadline`] | [`Deadlines`]: how long a client may keep the server waiting |
//! | [`log`] | [`Log`]: access lines and heads, written without holding up anybody |
//! | [`stop`] | [`Stop`]: finishes what is in flight, and ends |
//! | [`clock`] | [`SystemClock`] |
//! | [`submissions`] | [`Kept`]: submitted forms in memory |
//! | [`command`] | the commands: flags, messages, signals, and what they do with them |
//!
//! And for other frontends on the same systems: [`desk`], [`listen`], [`send`], and [`contain`].
//!
//! # A handler
//!
//! A [`Service`] gets an [`Exchange`]: the request, and the means to answer it once. It asks for
//! [`method`](Exchange::method), [`segments`](Exchange::segments) or
//! [`file_names`](Exchange::file_names) of the path, [`query`](Exchange::query),
//! [`cookies`](Exchange::cookies) and [`head`](Exchange::head); reads a [`Form`] by
//! [`form`](Exchange::form) or a [`Body`] by [`open`](Exchange::open); and makes a [`Reply`], whose
//! content is text, octets or a [`Stream`]. [`Site`] and [`Files`] are services, too. All that a
//! handler names is at the root of this package, and the feature `testing` tests it without a socket.
//!
//! # What it costs
//!
//! A connection takes a thread while it is open: a few pages of stack and buffers that are touched,
//! about 20 KiB when it is idle. Workers are started on demand up to [`Server::max_conns`], accept
//! their connections themselves, and leave when there has been one too many for a second. A request
//! on a persistent connection is one `read` and one `write`.
//!
//! # What can be relied upon
//!
//! No client makes the server wait for longer than [`Deadlines`] say, take more memory than
//! [`Limits`] allow for each connection, or read a file outside a [`Folder`]. A panic in a
//! service is answered by 500. Without descriptors, memory or threads, the server waits for some.
//!
//! All of this is tested on Linux. Other Unix systems compile the same code, and open files
//! component by component.

mod buffers;
pub mod clock;
pub mod command;
mod connection;
pub mod contain;
mod crew;
pub mod deadline;
pub mod desk;
pub mod folder;
pub mod listen;
pub mod log;
mod park;
mod pool;
pub mod send;
pub mod server;
mod socket;
pub mod stop;
pub mod submissions;

pub use clock::SystemClock;
pub use deadline::Deadlines;
pub use folder::Folder;
pub use log::Log;
pub use park::block_on;
pub use server::Server;
pub use stop::Stop;
pub use submissions::Kept;
/// All of what is below this frontend.
pub use thimble_core;
#[doc(inline)]
pub use thimble_core::handler::*;
/// With the feature `testing`: a client for tests of handlers.
#[cfg(feature = "testing")]
pub use thimble_core::testing;

/// The example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
