//! The Thimble HTTP/1.1 server over smoltcp: for microcontrollers, without an allocator, an executor or
//! `unsafe`.
//!
//! [`thimble_core`] implements HTTP. This package connects it to smoltcp: it reads and writes sockets,
//! keeps deadlines, and decides which connection gives up its socket when there are more clients than
//! sockets. It works with any [`smoltcp::phy::Device`], on a desktop as well as on a microcontroller.
//!
//! ```
//! use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
//! use smoltcp::phy::{Loopback, Medium};
//! use smoltcp::time::Instant;
//! use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
//! use thimble_smoltcp::{Answer, Exchange, Memory, Method, Server, Service, Status, Transport};
//!
//! struct Hello;
//!
//! impl Service for Hello {
//!     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
//!         Ok(match (exchange.method(), exchange.segments()) {
//!             (Method::Get, []) => exchange.respond(Status::OK).text("Hello, world!\n"),
//!             _ => exchange.respond(Status::NOT_FOUND).text("nothing here\n"),
//!         })
//!     }
//! }
//!
//! let mut device = Loopback::new(Medium::Ethernet);
//! let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
//! let mut interface = Interface::new(Config::new(address.into()), &mut device, Instant::ZERO);
//! interface.update_ip_addrs(|addresses| {
//!     let _ = addresses.push(IpCidr::new(IpAddress::v4(192, 168, 0, 2), 24));
//! });
//!
//! let mut memory = Memory::<4>::new();
//! let mut sockets = [SocketStorage::EMPTY; 4];
//! let sockets = SocketSet::new(&mut sockets[..]);
//! Server::new(Hello).run(&mut memory, &mut interface, sockets, |serving| {
//!     let mut now = Instant::ZERO;
//!     for _ in 0..10 {
//!         let next = serving.poll(now, &mut device);
//!         // A device would sleep here until a frame arrives, or until `next`.
//!         now = next.unwrap_or(now);
//!     }
//! });
//! ```
//!
//! | module | content |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a TCP port; [`Serving`]: a server that runs |
//! | [`memory`] | [`Memory`]: the buffers that connections need |
//! | [`transport`] | [`Fault`](transport::Fault): why a connection failed |
//!
//! # A handler
//!
//! A [`Service`] gets an [`Exchange`], which holds the request and can be answered once:
//!
//! - [`method`](Exchange::method), [`segments`](Exchange::segments) or
//!   [`file_names`](Exchange::file_names) of the path, [`query`](Exchange::query),
//!   [`cookies`](Exchange::cookies) and [`head`](Exchange::head) give the request's head;
//! - [`form`](Exchange::form) reads a [`Form`], and [`open`](Exchange::open) any other content as a
//!   [`Body`];
//! - [`respond`](Exchange::respond) makes a [`Reply`], whose content is text, octets or a [`Stream`].
//!
//! [`Site`] and [`Files`] are services, too. All names that a handler needs are at the root of this
//! package. With the feature `testing`, handlers can be tested without a socket.
//!
//! # When there are more clients than sockets
//!
//! smoltcp has no backlog: it resets a client for which no socket listens. So the server keeps one
//! socket listening whenever it can, and `N` sockets sustain `N - 1` persistent connections.
//!
//! - When no socket listens, the server closes the connection that has been idle longest: a persistent
//!   one after at least 200 ms, a new one after 1 s without a request.
//! - While every connection is busy, the server holds the SYNs of up to `4 * N` clients until a socket
//!   listens, each for 8 s at most. It drops further SYNs; their clients send them again later.
//! - For each client that waits, one reply says `Connection: close`, so that its connection ends with
//!   notice (RFC 9112 §9.6).
//!
//! # What it costs
//!
//! The caller provides all memory: [`Memory`] for buffers, and room on the stack for one future per
//! connection. [`Serving::poll`] polls each future at most twice. A handler that waits for something
//! other than its connection is polled again at the next call.
#![no_std]

mod backlog;
mod connection;
mod connection_state;
pub mod memory;
mod pinned;
mod serve;
pub mod server;
mod server_state;
mod syn;
mod syn_filter;
pub mod transport;

pub use memory::Memory;
pub use server::{Server, Serving};
pub use smoltcp;
/// The core, which implements HTTP.
pub use thimble_core;
#[doc(inline)]
pub use thimble_core::handler::*;
/// A client for tests of handlers; with the feature `testing`.
#[cfg(feature = "testing")]
pub use thimble_core::testing;
pub use thimble_core::{Clock, Deadlines, NoClock};

/// The examples in the README, and those of the page for devices, compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../docs/DEVICE.md")]
struct Readme;
