//! What an idle connection costs the command. `tests/bench/idle.py` measures more of them.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// As many as fit the limit on open files that is usual.
const CONNECTIONS: usize = 800;

/// The command, ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Private memory of a process, in octets.
fn private(id: u32) -> io::Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let lines = rollup.lines().filter_map(|line| line.strip_prefix("Private_Dirty:"));
    let sizes = lines.filter_map(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(sizes.sum::<u64>() * 1024)
}

fn asked(address: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let (mut reply, mut piece) = (Vec::new(), [0; 4096]);
    while !reply.ends_with(b"\r\n\r\ncontent") {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => reply.extend(piece.iter().take(count)),
        }
    }
    Ok(stream)
}

#[test]
fn an_idle_connection_takes_about_a_kibibyte() -> io::Result<()> {
    let root = tempfile::tempdir()?;
    fs::write(root.path().join("file"), "content")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_thimble-tokio"));
    command.arg(root.path()).args(["-q", "-p", "0", "--max-conns", "1000"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn()?);
    let mut line = String::new();
    if let Some(out) = running.0.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let address = line.trim_end().rsplit("http://").next().unwrap_or_default();
    let address = address.trim_end_matches('/');
    let first = (0..50).map(|_| asked(address)).collect::<io::Result<Vec<_>>>()?;
    let before = private(running.0.id())?;
    let others = (0..CONNECTIONS).map(|_| asked(address)).collect::<io::Result<Vec<_>>>()?;
    let each = private(running.0.id())?.saturating_sub(before) / CONNECTIONS as u64;
    assert!(each < 1536, "{each} octets");
    drop((first, others));
    Ok(())
}
