//! The Thimble HTTP/1.1 server over tokio: a runtime on each core, or tasks in a runtime of yours.
//!
//! | you want to | start at |
//! |---|---|
//! | serve a folder, with forms | [`Site`] over a [`Folder`], and [`Server`] |
//! | write a handler | [`Service`], [`Exchange`], and [below](#a-handler) |
//! | serve a listener in a runtime of yours | [`Options::serve_each`] |
//! | serve one connection there | [`serve_connection`] |
//! | guard, log or change replies of another service | [`thimble_core::service::layers`] |
//! | keep submitted forms | [`Submissions`]; [`MemoryStore`] keeps them in memory |
//! | log requests | [`Log`] and [`Server::log`] |
//! | run programs by the Common Gateway Interface | [`Cgi`] |
//! | stop it | [`Stop`] |
//! | test a handler | the feature `testing` |
//!
//! ```no_run
//! use thimble_tokio::{Folder, Log, Server, Site};
//!
//! let site = Site::new(Folder::open("site")?);
//! Server::bind("127.0.0.1:8000")?.log(Log::to_stderr().with_access()).run(site)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Everything about HTTP is decided in [`thimble_core`]. [`Log`], [`MemoryStore`] and [`SystemClock`] come
//! from [`thimble_host`], which this frontend shares with std's.
//!
//! The default feature `command` builds the command `thimble-tokio`. A library turns it off by
//! `default-features = false`.
//!
//! # A handler
//!
//! A [`Service`] gets an [`Exchange`]: the request, and the means to answer it once. It looks at
//! [`method`](Exchange::method), [`segments`](Exchange::segments) or
//! [`file_names`](Exchange::file_names) of the path, [`query`](Exchange::query),
//! [`cookies`](Exchange::cookies) and [`head`](Exchange::head); reads a [`Form`] by
//! [`form`](Exchange::form) or a [`Body`] by [`open`](Exchange::open); and makes a [`Reply`], whose
//! content is text, octets or a [`Stream`]. [`Site`] and [`Files`] are services, too. Everything that a
//! handler names is at the root of this package.
//!
//! # What it costs
//!
//! [`Server`] runs a runtime on each core, with its own listener on the same port, so the futures of
//! handlers need not be `Send`. A request on a persistent connection is one `read` and one `write`. A
//! connection whose requests and replies never have to wait isn't registered with epoll. A connection
//! borrows buffers from its thread while it is served; an idle one has none, and takes about 1 KiB.
//! Deadlines set a timer about twice a minute.
//!
//! # What can be relied upon
//!
//! - No client makes the server wait for longer than [`Deadlines`] say, or take more memory than
//!   [`Limits`] allow for each connection.
//! - No request reads a file outside the root of a [`Folder`].
//! - A panic in a service is answered by 500, and the log says so.
//! - When the system has no descriptors or memory for buffers, clients wait. When it has no threads, or
//!   lets the process map less than 512 MiB, the runtime's own thread reads from the disk. When even a
//!   small allocation fails, the process aborts, as Rust's allocator does.
//! - When [`Server::max_conns`] connections are open and a client waits, the connection that was idle for
//!   longest is closed; if none is idle, one whose client keeps the server waiting.

mod accept;
pub mod cgi;
pub mod connection;
mod elsewhere;
pub mod server;
mod socket;
pub mod stop;
mod timer;
mod worker;

pub use accept::{Accepting, Connected};
pub use cgi::Cgi;
pub use connection::{Options, serve_connection};
pub use server::Server;
pub use stop::Stop;
/// A [`thimble_host::Folder`] whose disk never holds up the runtime.
pub type Folder = thimble_host::folder::AsyncFolder<elsewhere::Elsewhere>;
/// A [`thimble_host::UploadFolder`] whose disk never holds up the runtime.
pub type UploadFolder = thimble_host::uploads::AsyncUploadFolder<elsewhere::Elsewhere>;

/// The core: everything about HTTP.
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
pub use thimble_host::listen::Listener;
#[doc(inline)]
pub use thimble_host::{Log, MemoryStore, SystemClock};

/// The examples in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
