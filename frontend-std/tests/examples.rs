//! The examples, run as a reader of them would.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
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

/// An example; cargo has built it beside this test.
fn example(name: &str) -> io::Result<Command> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    Ok(Command::new(folder.join("examples").join(name)))
}

/// Starts a server on a free port, and returns the last word of its first line, which says where.
fn start(name: &str) -> io::Result<(Running, String)> {
    let child = example(name)?.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn()?;
    let mut running = Running(child);
    let mut line = String::new();
    if let Some(out) = running.0.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let place = line.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
    Ok((running, place))
}

fn get(place: &str, path: &str) -> io::Result<String> {
    let address = place.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

#[test]
fn hello() -> io::Result<()> {
    let (_running, place) = start("hello")?;
    for (path, status, content) in [
        ("/", "200", "hello, world\n"),
        ("/hello/Zo%C3%AB", "200", "hello, Zoë\n"),
        ("/other", "404", "nothing here\n"),
    ] {
        let reply = get(&place, path)?;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {reply}");
        assert!(reply.ends_with(&format!("\r\n\r\n{content}")), "{path}: {reply}");
    }
    Ok(())
}

#[test]
fn site() -> io::Result<()> {
    let (_running, place) = start("site")?;
    assert!(get(&place, "/nothing-here")?.starts_with("HTTP/1.1 404 "));
    assert!(get(&place, "/")?.starts_with("HTTP/1.1 200 "));
    Ok(())
}

#[test]
fn echo() -> io::Result<()> {
    let (_running, place) = start("echo_server")?;
    let mut client = example("echo_client")?;
    client.arg(&place).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn()?;
    if let Some(mut input) = client.stdin.take() {
        input.write_all("one\n\nthree: ë\n".as_bytes())?;
    }
    let output = client.wait_with_output()?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\n\nthree: ë\n");
    assert!(output.status.success());
    Ok(())
}
