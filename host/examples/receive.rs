//! Writes what it reads from each connection to a file, and nothing else: what `tests/bench/uploads`
//! compares a server with. `receive FILE` prints its port.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;

use thimble_host::listen::RECEIVE;

fn main() -> io::Result<()> {
    let path = std::env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("Serving at http://{}/", listener.local_addr()?);
    let mut octets = vec![0; RECEIVE];
    loop {
        let (mut stream, _) = listener.accept()?;
        let mut file = File::create(&path)?;
        loop {
            let count = stream.read(&mut octets)?;
            let Some(read @ [_, ..]) = octets.get(..count) else { break };
            file.write_all(read)?;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    }
}
