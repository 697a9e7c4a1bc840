//! An HTTP/1.1 server whose logic is written once and runs everywhere: parsing, framing, static
//! files and forms over abstract I/O, without an allocator and without the standard library.
//!
//! # The layers
//!
//! Each uses only those above it.
//!
//! | module | what it knows | section |
//! |---|---|---|
//! | [`bytes`] | character classes, text and numbers in ASCII, buffers | RFC 9110 §5.6 |
//! | [`grammar`] | one parser for each element, over octets known to be whole | RFC 9112 §3, §5, §7 |
//! | `fast` (private) | ordinary lines, many octets at a time, on 64-bit targets | |
//! | [`message`] | what a request head says, borrowed from where it arrived | RFC 9112 §2–§5 |
//! | [`semantics`] | decisions that need nothing but facts | RFC 9110 |
//! | [`framing`] | where messages begin and end: octets in, events out | RFC 9112 §6–§9 |
//! | [`server`] | the driver: framing over [`embedded_io_async`] | |
//! | [`service`] | files, also those of an [`Image`], forms, and [`Site`], all together | |
//! | [`gateway`] | what a CGI script is told of a request, and what its reply means | RFC 3875 |
//! | `testing` | with the feature of that name: requests in, parsed replies out, no socket | |
//!
//! # Where to begin
//!
//! - To serve something over a network stack that has a frontend: implement [`Service`], and give it
//!   to the frontend. [`handler`] lists what it names, and `testing` tests it.
//! - To bring a network stack: implement [`server::Transport`], and call [`Driver::serve`] for each
//!   connection. What blocks goes through [`server::blocking`].
//! - To use the protocol alone in a server of your own: [`framing::Connection`].
//!
//! # What can be relied upon
//!
//! - Nothing that a peer sends makes anything here panic, allocate, or loop without bound. Heads
//!   and framing are read once, also when their octets trickle in; a path is decoded and divided in
//!   one pass.
//! - The same octets get the same reply, however they were split on their way.
//! - Where a message ends is decided in one place,
//!   [`framing::length`]; whatever that leaves in doubt is refused, and the connection closed.
//! - A reply can't lie: declared lengths are enforced, no field can end its line early, HEAD and 304
//!   carry no content.
//! - Memory is what the caller lends: two buffers for each connection, and the future.
#![no_std]

#[cfg(feature = "testing")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bytes;
mod fast;
pub mod framing;
pub mod gateway;
pub mod grammar;
pub mod message;
pub mod semantics;
pub mod server;
pub mod service;
#[cfg(feature = "testing")]
pub mod testing;

/// What a handler names: each frontend has all of it at its root, and so has this package.
pub mod handler {
    pub use crate::framing::Limits;
    pub use crate::grammar::date::UnixTime;
    pub use crate::message::{Field, Fields, Head, Method, Refusal, Status, Target, Version};
    pub use crate::semantics::query::{Encoded, Query};
    pub use crate::server::{
        Answer, Body, Error, Event, Events, Exchange, RefusalPage, Reply, Responded, Responder,
        Service, Stream, Transport,
    };
    pub use crate::service::{
        Batch, Files, Form, FormField, FormFile, Image, Multipart, Part, Recall, Recalled, Ring,
        Site, Storage, Submission, Submissions, Uploads,
    };
}

#[doc(inline)]
pub use handler::*;
pub use server::{Buffers, Clock, Deadlines, Driver, Ended, NoClock};

/// The examples in the README, and those of the page for libraries, compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../docs/LIBRARY.md")]
struct Readme;
