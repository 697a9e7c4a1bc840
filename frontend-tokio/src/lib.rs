//! The Thimble HTTP/1.1 server over tokio.
//!
//! Everything that is HTTP comes from [`thimble_core`], and what it shares with std's server
//! (folder, log, clock) from [`thimble_host`]; here are sockets that don't block, and the tasks
//! that serve them.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a listener, on every core |
//! | [`connection`] | [`serve_connection`]: one connection, in a runtime of yours; [`Options::serve_each`]: all of a listener |
//! | [`folder`] | [`Folder`]: a storage whose disk never holds up the runtime |
//! | [`stop`] | [`Stop`]: finishes what is in flight, and ends |
//!
//! From [`thimble_host`] come [`Log`], [`SystemClock`], and [`Kept`], submitted forms in memory.
//!
//! The feature `command`, which is on unless a library asks for `default-features = false`, is what the
//! command `thimble-tokio` needs; nothing here does.
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
//! [`Server`] runs a runtime on each core, each with a listener of its own on the same port, so
//! handlers need not be `Send`. A request on a persistent connection is one `read` and one `write`.
//! A connection that has been read and answered before anybody had to wait never enters the
//! runtime's epoll. Buffers belong to the thread: a connection has some while it is served, and none
//! while it is idle, when it takes about a kibibyte in all. Deadlines set a timer about twice a
//! minute.
//!
//! # What can be relied upon
//!
//! No client makes the server wait for longer than [`Deadlines`]
//! say, take more memory than [`Limits`] allow, or read a file outside a [`Folder`]; a panic in a
//! service is answered by 500; without descriptors, or memory for buffers,
//! the server waits for some, and without threads it reads from the disk on its own.

mod accept;
pub mod connection;
mod elsewhere;
pub mod folder;
pub mod server;
mod socket;
pub mod stop;
mod timer;
mod transport;
mod worker;

pub use connection::{Options, serve_connection};
pub use folder::Folder;
pub use server::Server;
pub use stop::Stop;
/// All of what is below this frontend.
pub use thimble_core;
pub use thimble_core::Deadlines;
#[doc(inline)]
pub use thimble_core::handler::*;
/// With the feature `testing`: a client for tests of handlers.
#[cfg(feature = "testing")]
pub use thimble_core::testing;
/// What this frontend shares with others on systems with files and sockets.
pub use thimble_host;
#[doc(inline)]
pub use thimble_host::{Kept, Log, SystemClock};

/// The examples in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
