//! The Thimble HTTP/1.1 server over smoltcp: for microcontrollers, without an allocator, without an
//! executor, without `unsafe`.
//!
//! Everything that is HTTP comes from [`thimble_core`]; here are sockets, deadlines, and the order in
//! which connections come and go when there are few of them. It works with any
//! [`smoltcp::phy::Device`], and on a desktop as well as on a device.
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
//!         // A device sleeps until a frame arrives, or until `next`.
//!         now = next.unwrap_or(now);
//!     }
//! });
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | [`Server`]: a service on a port; [`Serving`]: the same while it runs |
//! | [`memory`] | [`Memory`]: what the connections need |
//! | [`transport`] | a socket as a transport |
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
//! # When there are more clients than sockets
//!
//! smoltcp has no queue of waiting clients: one that finds no socket listening is reset. So the server
//! keeps one socket listening whenever it can. When the last one is taken, it ends the persistent
//! connection that has been idle for longest, if that is 200 ms or more, or one on which no first
//! request came within a second. While all sockets are busy, the SYNs of up to `4 * N` clients are kept,
//! for eight seconds at most, until a socket listens; other clients try again later. For each client
//! that waits, one reply says `Connection: close`, so that no client is cut off without notice
//! (RFC 9112 §9.6). `N` sockets sustain `N - 1` persistent connections.
//!
//! # What it costs
//!
//! Memory is what the caller lends: [`Memory`], and on the stack one future for each connection.
//! [`Serving::poll`] polls each of them once or twice. A handler that waits for something other than
//! its connection is polled again at the next call.
#![no_std]

mod backlog;
mod connection;
mod connection_state;
pub mod memory;
mod pinned;
pub mod server;
mod server_state;
mod syn_filter;
pub mod transport;

pub use memory::Memory;
pub use server::{Server, Serving};
pub use smoltcp;
/// All of what is below this frontend.
pub use thimble_core;
#[doc(inline)]
pub use thimble_core::handler::*;
/// With the feature `testing`: a client for tests of handlers.
#[cfg(feature = "testing")]
pub use thimble_core::testing;
pub use thimble_core::{Clock, Deadlines, NoClock};

/// The examples in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
