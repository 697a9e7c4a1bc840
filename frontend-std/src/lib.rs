//! The Thimble HTTP/1.1 server over std sockets.
//!
//! Everything that is HTTP comes from [`thimble_core`]; here are the sockets, threads, clocks and
//! files of a desktop. There is no async runtime: a handler's future is run on the thread of its
//! connection, which is parked while the future waits for anything.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a listener |
//! | [`stop`] | [`Stop`]: finishes what is in flight, and ends |
//!
//! From [`thimble_host`], which all frontends on such systems share: [`Folder`], a storage that no path
//! leads out of; [`Log`], access lines and heads, written without holding up anybody; [`SystemClock`];
//! [`Kept`], submitted forms in memory; and [`block_on`].
//!
//! The feature `command`, which is on unless a library asks for `default-features = false`, is what the
//! command `thimble` needs; nothing here does.
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
//! service is answered by 500. Without descriptors, threads, or memory for a connection's buffers, the
//! server waits for some; without memory for anything smaller, the process ends, as Rust's allocator
//! has it. With every place taken, the connection that was idle for longest gives way to a client that
//! waits.
//!
//! All of this is tested on Linux. Other Unix systems compile the same code, and open files
//! component by component.

mod connection;
mod deadline;
mod pool;
pub mod server;
mod socket;
pub mod stop;
mod workers;

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
pub use thimble_host::{Folder, Kept, Log, SystemClock, block_on};

/// The examples in both READMEs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
