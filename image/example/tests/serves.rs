//! The example, run as a reader of it would, where there is no folder.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that runs until this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the server on a free port, and returns the address that its first line ends with.
fn start() -> io::Result<(Running, String)> {
    let mut server = Command::new(env!("CARGO_BIN_EXE_thimble-image-example"));
    server.arg("127.0.0.1:0").current_dir("/").stdout(Stdio::piped());
    let mut running = Running(server.spawn()?);
    let mut line = String::new();
    if let Some(out) = running.0.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let place = line.trim_end().rsplit("//").next().unwrap_or_default();
    Ok((running, place.trim_end_matches('/').to_owned()))
}

#[test]
fn each_file_of_the_site_is_served() -> io::Result<()> {
    let (_running, address) = start()?;
    for (path, content) in [
        ("/", &include_bytes!("../../../site/index.html")[..]),
        ("/about/", include_bytes!("../../../site/about/index.html")),
        ("/style.css", include_bytes!("../../../site/style.css")),
        ("/test.jpg", include_bytes!("../../../site/test.jpg")),
    ] {
        let mut stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        assert!(reply.starts_with(b"HTTP/1.1 200 "), "{path}: {}", reply.escape_ascii());
        assert!(reply.ends_with(content), "{path}");
    }
    Ok(())
}
