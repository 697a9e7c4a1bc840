//! `files::plan` in another server: the example, asked as a client would.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The example while it runs.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, method: &str, fields: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "{method} /lib.rs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

#[test]
fn another_server_answers_as_planned() -> io::Result<()> {
    // Cargo has built the example beside this test.
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let mut example = Command::new(folder.join("examples").join("files_in_hyper"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let child = example.args(["127.0.0.1:0", source]).stdout(Stdio::piped()).spawn()?;
    let mut running = Running(child);
    let mut line = String::new();
    if let Some(out) = running.0.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let address = line.trim_end().rsplit("http://").next().unwrap_or_default();
    let address = address.trim_end_matches('/');

    let content = include_str!("../src/lib.rs");
    let length = content.len();
    for (method, fields, status, contents) in [
        ("GET", "", "200 OK", &[content][..]),
        ("HEAD", "", "200 OK", &[&format!("content-length: {length}\r\n")]),
        ("GET", "If-None-Match: *\r\n", "304 Not Modified", &["etag: "]),
        ("GET", "If-Match: \"other\"\r\n", "412 Precondition Failed", &[]),
        ("GET", "Range: bytes=3-9\r\n", "206 Partial Content", &["\r\n\r\n An HTT"]),
        (
            "GET",
            "Range: bytes=0-2,4-8\r\n",
            "206 Partial Content",
            &["multipart/byteranges; boundary=", "\r\n\r\n//!\r\n", "\r\n\r\nAn HT\r\n"],
        ),
        ("GET", "Range: bytes=9999999-\r\n", "416 Range Not Satisfiable", &["bytes */"]),
        ("PUT", "", "405 Method Not Allowed", &["allow: GET, HEAD, OPTIONS\r\n"]),
    ] {
        let reply = ask(address, method, fields)?;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{method} {fields}: {reply}");
        for part in contents {
            assert!(reply.contains(part), "{method} {fields}: {reply}");
        }
    }
    Ok(())
}
