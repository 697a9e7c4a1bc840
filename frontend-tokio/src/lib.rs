//! The Thimble HTTP/1.1 server over tokio.
//!
//! Everything that is HTTP comes from [`thimble_core`], and what it shares with std's server
//! (folder, log, clock, the command) from [`thimble_std`]; here are sockets that don't block, and
//! the tasks that serve them.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a listener, on every core |
//! | [`connection`] | [`serve_connection`]: one connection, in a runtime of yours |
//! | [`folder`] | [`Folder`]: a storage whose disk never holds up the runtime |
//! | [`stop`] | [`Stop`]: finishes what is in flight, and ends |
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
//! The same as of [`thimble_std`]: no client makes the server wait for longer than [`Deadlines`]
//! say, take more memory than [`Limits`] allow, or read a file outside a [`Folder`]; a panic in a
//! service is answered by 500; without descriptors or memory, the server waits for some.

pub mod connection;
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
pub use thimble_core::{
    Deadlines, Error, Exchange, Limits, Method, Responded, Service, Site, Status, Transport,
};
pub use thimble_std::{Kept, Log, SystemClock};
