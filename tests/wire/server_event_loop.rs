//! The server of one thread, over std sockets.

#![expect(clippy::panic, reason = "one of the services panics")]

mod server;

use std::io;

mod frontend {
    pub use thimble_std::event_loop::{EventLoop as Server, Stop};
    pub use thimble_std::*;
}

fn run(server: frontend::Server) -> io::Result<()> {
    server.run(server::Rooms)
}
