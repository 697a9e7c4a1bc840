//! The server over std sockets.

#![expect(clippy::panic, reason = "one of the services panics")]

mod server;

use std::io;

use thimble_std as frontend;

fn run(server: frontend::Server) -> io::Result<()> {
    server.run(server::Rooms)
}
