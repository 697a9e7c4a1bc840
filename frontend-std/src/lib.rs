//! The Thimble HTTP/1.1 server over std sockets: a thread for each connection, or one for all of them, and no
//! async runtime.
//!
//! | you want to | start at |
//! |---|---|
//! | serve a folder, with forms | [`Site`] over a [`Folder`], and [`Server`] |
//! | serve thousands of connections | [`EventLoop`] |
//! | write a handler | [`Service`], [`Exchange`], and [below](#a-handler) |
//! | guard, log or change replies of another service | [`thimble_core::service::layers`] |
//! | keep submitted forms | [`Submissions`]; [`MemoryStore`] keeps them in memory |
//! | log requests | [`Log`] and [`Server::log`] |
//! | run programs by the Common Gateway Interface | [`Cgi`], or [`event_loop::Cgi`] |
//! | stop it | [`Stop`] |
//! | test a handler | the feature `testing` |
//!
//! ```no_run
//! use thimble_std::{Folder, Log, Server, Site};
//!
//! let site = Site::new(Folder::open("site")?);
//! Server::bind("127.0.0.1:8000")?.log(Log::to_stderr().with_access()).run(site)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Everything about HTTP is decided in [`thimble_core`]. [`Folder`], [`Log`], [`MemoryStore`],
//! [`SystemClock`] and [`block_on`] come from [`thimble_host`], which this frontend shares with tokio's.
//!
//! The default feature `command` builds the command `thimble`. A library turns it off by
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
//! handler names is at the root of this package. A handler's future runs on the thread of its connection,
//! which is parked while the future waits.
//!
//! # What it costs
//!
//! Of [`Server`]: a connection takes a thread while it is open, and about 20 KiB of stack and buffers while it is idle.
//! Threads are started on demand, up to [`Server::max_conns`]. Each accepts its own connections, and a
//! superfluous one ends after a second. A request on a persistent connection is one `read` and one `write`.
//!
//! # What can be relied upon
//!
//! - No client makes the server wait for longer than [`Deadlines`] say, or take more memory than
//!   [`Limits`] allow for each connection.
//! - No request reads a file outside the root of a [`Folder`].
//! - A panic in a service is answered by 500, and the log says so.
//! - When the system has no descriptors, threads or memory for buffers, clients wait. When even
//!   a small allocation fails, the process aborts, as Rust's allocator does.
//! - When [`Server::max_conns`] connections are open and a client waits, the connection that was idle for
//!   longest is closed; if none is idle, one whose client keeps the server waiting.
//!
//! All of this is tested on Linux. Other Unix systems compile the same code, and open files step by step
//! along the path.

mod accept;
pub mod cgi;
mod connection;
mod deadline;
pub mod event_loop;
mod pool;
pub mod server;
mod socket;
pub mod stop;
mod workers;

pub use cgi::Cgi;
pub use event_loop::EventLoop;
pub use server::Server;
pub use stop::Stop;
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
pub use thimble_host::{Folder, Log, MemoryStore, SystemClock, UploadFolder, block_on};

/// The examples in both READMEs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
