//! The log: one line per reply, and on request the heads that went by.

mod line;
mod writer;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thimble_core::grammar::date::UnixTime;
use thimble_core::server::{Clock as _, Record};

use crate::clock::SystemClock;
use writer::Writer;

/// A log. Clones write to the same place.
///
/// Workers only leave their lines in memory, and a thread of the log's own writes them out, so a
/// terminal that is held or a full pipe never holds a connection: once a mebibyte waits, further
/// lines are counted instead. A place that is closed swallows the log.
///
/// Each log has a line for what the application does wrong (a reply that can't be sent, an error of its
/// own). The [default](Log::default) one shows nothing else, on standard error.
/// ```
/// use thimble_host::Log;
///
/// let usual = Log::to_stderr().with_access();
/// let verbose = Log::to_stderr().with_access().with_heads();
/// ```
#[derive(Clone, Debug)]
pub struct Log {
    writer: Option<Arc<Writer>>,
    /// Without a writer: whether failures go to standard error.
    failures: bool,
    access: bool,
    heads: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { writer: None, failures: true, access: false, heads: false }
    }
}

impl Log {
    /// No log at all.
    pub fn none() -> Self {
        Self { failures: false, ..Self::default() }
    }

    /// A log on standard error. [`with_access`](Self::with_access) makes it show requests.
    pub fn to_stderr() -> Self {
        Self::to(std::io::stderr())
    }

    /// A log on `place`. [`with_access`](Self::with_access) makes it show requests.
    pub fn to(place: impl Write + Send + 'static) -> Self {
        Self { writer: Writer::start(place).map(Arc::new), ..Self::none() }
    }

    /// Shows a line per reply, in the Common Log Format.
    ///
    /// Its times are UTC: the system's time zone can't be asked for safely from many threads, and
    /// lines of several machines compare best so.
    pub fn with_access(mut self) -> Self {
        self.access = true;
        self
    }

    /// Shows the heads of requests, each line after `< `, and of replies, each after `> `.
    pub fn with_heads(mut self) -> Self {
        self.heads = true;
        self
    }

    /// Waits until all is written, but no longer than `most`.
    pub fn flush(&self, most: Duration) {
        if let Some(writer) = &self.writer {
            writer.flush(most);
        }
    }

    /// The head of a request, as it was received.
    pub fn request(&self, head: &[u8]) {
        self.write(self.heads, |out| line::head(out, "< ", head));
    }

    /// The head of a reply.
    pub fn reply(&self, head: &[u8]) {
        self.write(self.heads, |out| line::head(out, "> ", head));
    }

    /// A finished reply to `peer`.
    pub fn access(&self, peer: SocketAddr, record: &Record<'_>) {
        self.write(self.access, |out| {
            let now = SystemClock.now().unwrap_or(UnixTime(0));
            line::access(out, peer.ip(), now, record);
        });
    }

    /// What the application did wrong in answering the request of `record`: always shown.
    pub fn failure(&self, peer: SocketAddr, record: &Record<'_>, message: &str) {
        let now = SystemClock.now().unwrap_or(UnixTime(0));
        let text = |out: &mut Vec<u8>| line::failure(out, peer.ip(), now, record, message);
        match &self.writer {
            Some(writer) => writer.append(text),
            None if self.failures => {
                let mut out = Vec::new();
                text(&mut out);
                // Where nobody reads, there is nothing to be done about it.
                let _ = std::io::stderr().write_all(&out);
            }
            None => {}
        }
    }

    /// Something that whoever runs the server should know, in a line.
    pub fn note(&self, text: &[u8]) {
        self.write(true, |out| line::note(out, text));
    }

    /// Whether it goes anywhere.
    pub const fn is_written(&self) -> bool {
        self.writer.is_some()
    }

    fn write(&self, shown: bool, text: impl FnOnce(&mut Vec<u8>)) {
        if let (true, Some(writer)) = (shown, &self.writer) {
            writer.append(text);
        }
    }
}
