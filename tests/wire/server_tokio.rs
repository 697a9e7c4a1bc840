//! The server over tokio.

#![expect(clippy::panic, reason = "one of the services panics")]

mod server;

use std::io;

use thimble_tokio as frontend;

fn run(server: frontend::Server) -> io::Result<()> {
    server.run(server::Rooms)
}
