//! The server of one thread, over std sockets.

#![expect(clippy::panic, reason = "one of the services panics")]

mod server;

use std::io;

mod frontend {
    pub(crate) use thimble_std::event_loop::{EventLoop as Server, Stop};
    pub(crate) use thimble_std::{
        Answer, Deadlines, Event, Exchange, Limits, Log, Method, Service, Status, Transport,
    };
}

fn run(server: frontend::Server) -> io::Result<()> {
    server.run(server::Rooms)
}
