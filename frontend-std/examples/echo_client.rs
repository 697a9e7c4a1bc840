//! The client of `echo_server`: sends the lines of its standard input, and shows what comes back.
//!
//! `echo hello | cargo run --example echo_client`

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Octets of a reply, its end included.
const LONGEST: u64 = 4096;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".into());
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut replies = BufReader::new(&stream);
    let mut reply = Vec::new();
    for line in io::stdin().lock().lines() {
        writeln!(&stream, "{}", line?)?;
        if replies.by_ref().take(LONGEST).read_until(b'\n', &mut reply)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        io::stdout().write_all(&reply)?;
        reply.clear();
    }
    Ok(())
}
