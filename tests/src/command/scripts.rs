//! Folders with programs in them, and servers that run these.

use std::ffi::OsStr;
use std::io::{Result, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Thimble;
use super::folder::Folder;
use crate::until::until;
use crate::wire::client::{Client, Reply};

/// What a script says before its content.
pub const TEXT: &str = "echo Content-Type: text/plain; echo\n";

/// A folder with programs in it.
#[derive(Debug)]
pub struct Scripts {
    /// The folder.
    pub folder: Folder,
}

impl Scripts {
    /// An empty folder.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: Folder::new()? })
    }

    /// Writes a shell script into `cgi-bin`.
    pub fn script(&self, name: &str, body: &str) -> Result<()> {
        self.program(&format!("cgi-bin/{name}"), format!("#!/bin/sh\n{body}\n"))
    }

    /// Writes a program. Another process does: a child that is forked here meanwhile would hold a copy of a
    /// file that is open for writing, and what is open for writing can't be run.
    pub fn program(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.folder.at(name)?;
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = install.stdin.take() {
            stdin.write_all(content.as_ref())?;
        }
        assert!(install.wait()?.success(), "{name} is not written");
        Ok(())
    }

    /// Serves the folder, with its programs and these flags.
    pub fn serve<F: AsRef<OsStr>>(&self, flags: &[F]) -> Thimble {
        let mut all = vec![OsStr::new("--cgi")];
        all.extend(flags.iter().map(AsRef::as_ref));
        Thimble::serve(self.folder.path(), &all)
    }
}

/// A request with these lines after its request-line, and its content.
pub fn request(line: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("{line} HTTP/1.1\r\nHost: thimble\r\n{fields}\r\n");
    [head.as_bytes(), content].concat()
}

/// The reply to a request on a connection of its own.
pub fn ask(thimble: &Thimble, line: &str, fields: &str, content: &[u8]) -> Result<Reply> {
    let mut client = thimble.connect();
    client.send(request(line, &format!("Connection: close\r\n{fields}"), content))?;
    reply_to(line, &mut client)
}

/// The next reply on a connection, to a request with this line.
pub fn reply_to(line: &str, client: &mut Client) -> Result<Reply> {
    if line.starts_with("HEAD ") { client.reply_to_head() } else { client.reply() }
}

/// The reply to GET.
pub fn get(thimble: &Thimble, path: &str) -> Result<Reply> {
    ask(thimble, &format!("GET {path}"), "", b"")
}

/// The reply to POST.
pub fn post(thimble: &Thimble, path: &str, content: &[u8]) -> Result<Reply> {
    let fields = format!("Content-Length: {}\r\n", content.len());
    ask(thimble, &format!("POST {path}"), &fields, content)
}

/// The processes that the server has started and that are still there, zombies included.
#[cfg(target_os = "linux")]
pub fn children(thimble: &Thimble) -> Vec<String> {
    let of = |id: &str| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        parent.is_some_and(|parent| parent.trim() == thimble.id().to_string())
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    ids.filter(|id| of(id)).collect()
}

/// Waits until no process is left that the server has started.
#[cfg(target_os = "linux")]
pub fn wait_for_the_end(thimble: &Thimble) {
    until("all processes end", Duration::from_mins(1), || {
        children(thimble).is_empty().then_some(())
    });
}
