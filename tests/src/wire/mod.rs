//! Clients over a socket.

pub mod client;
pub mod converse;
