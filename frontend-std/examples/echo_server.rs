//! The TCP server of every tutorial, without HTTP: it sends each line back that it is sent.
//!
//! `cargo run --example echo_server`, and beside it `cargo run --example echo_client`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Connections served at a time; further ones wait in the listener's queue.
const CONNECTIONS: usize = 16;
/// Octets of a line, its end included.
const LONGEST: u64 = 4096;
/// How long a client may be silent, or not read what it is sent.
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".into());
    let listener = TcpListener::bind(address)?;
    println!("Echoing lines at {}", listener.local_addr()?);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| accept(&listener));
        }
    });
    Ok(())
}

fn accept(listener: &TcpListener) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Err(error) = echo(&stream) {
                    eprintln!("{peer}: {error}");
                }
            }
            // Out of descriptors, most likely: the next try would fail as well.
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn echo(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
        stream.write_all(&line)?;
        line.clear();
    }
    Ok(())
}
