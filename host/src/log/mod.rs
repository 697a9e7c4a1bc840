//! The log: a line per reply, and the heads of requests and replies if asked for.

mod line;
mod whole;
mod writer;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thimble_core::grammar::date::UnixTime;
use thimble_core::server::{Clock as _, Record};

use crate::clock::SystemClock;
pub(crate) use line::Client;
use whole::WholeLines;
use writer::Writer;

/// A log. Clones write to the same place.
///
/// A thread of the log writes its lines out, so a stopped terminal or a full pipe never holds up a
/// connection. Up to 1 MiB of lines wait in memory; further ones are dropped, and a line says how many.
/// Errors of writing are ignored.
///
/// Every log but [`none`](Log::none) has a line for each failure of the application, such as a panic or a
/// reply that can't be sent. The [default](Log::default) log shows only these, on standard error.
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
    /// What each line begins with.
    mark: &'static str,
}

impl Default for Log {
    fn default() -> Self {
        Self { writer: None, failures: true, access: false, heads: false, mark: "" }
    }
}

impl Log {
    /// A log that writes nothing.
    pub fn none() -> Self {
        Self { failures: false, ..Self::default() }
    }

    /// A log on standard error. [`with_access`](Self::with_access) makes it show requests.
    pub fn to_stderr() -> Self {
        Self::to(std::io::stderr())
    }

    /// A log on standard error, where other processes write lines, too. No line comes into the middle of
    /// another.
    pub fn to_shared_stderr() -> Self {
        Self::to(WholeLines(std::io::stderr()))
    }

    /// A log on `place`. [`with_access`](Self::with_access) makes it show requests.
    pub fn to(place: impl Write + Send + 'static) -> Self {
        Self { writer: Writer::start(place).map(Arc::new), ..Self::none() }
    }

    /// Shows a line per reply, in the Common Log Format. A request-line is cut after 200 octets.
    ///
    /// Times are UTC: the system's time zone can't be read safely from many threads, and the lines of
    /// several machines compare directly.
    pub fn with_access(mut self) -> Self {
        self.access = true;
        self
    }

    /// Shows the heads of requests, each line after `< `, and of replies, each after `> `.
    pub fn with_heads(mut self) -> Self {
        self.heads = true;
        self
    }

    /// Begins the server's own lines with `name`; the default is `thimble`. All clones share the name, and
    /// only the first that is given counts.
    #[must_use]
    pub fn with_name(self, name: &'static str) -> Self {
        if let Some(writer) = &self.writer {
            writer.set_name(name);
        }
        self
    }

    /// Begins each line with `mark`, to tell processes apart.
    pub const fn with_mark(mut self, mark: &'static str) -> Self {
        self.mark = mark;
        self
    }

    /// Waits until everything is written, but no longer than `most`.
    pub fn flush(&self, most: Duration) {
        if let Some(writer) = &self.writer {
            writer.flush(most);
        }
    }

    /// Writes the head of a request as it was received, if heads are shown.
    #[inline]
    pub fn request(&self, head: &[u8]) {
        if self.heads {
            self.append(|out| line::head(out, self.mark, "< ", head));
        }
    }

    /// Writes the head of a reply, if heads are shown.
    #[inline]
    pub fn reply(&self, head: &[u8]) {
        if self.heads {
            self.append(|out| line::head(out, self.mark, "> ", head));
        }
    }

    /// Writes the access line of a finished reply to `peer`, if access is shown. A client over a Unix socket has
    /// no address, and is called `unix:`.
    #[inline]
    pub fn access(&self, peer: Option<SocketAddr>, record: &Record<'_>) {
        if self.access {
            self.append(|out| {
                let now = SystemClock.now().unwrap_or(UnixTime(0));
                out.extend_from_slice(self.mark.as_bytes());
                line::access(out, Client::of(peer), now, record);
            });
        }
    }

    /// Writes what went wrong in the application while it answered the request of `record`. This line is
    /// always shown.
    pub fn failure(&self, peer: Option<SocketAddr>, record: &Record<'_>, message: &str) {
        let now = SystemClock.now().unwrap_or(UnixTime(0));
        let text = |out: &mut Vec<u8>| {
            out.extend_from_slice(self.mark.as_bytes());
            line::failure(out, Client::of(peer), now, record, message);
        };
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

    /// Writes a line of the server's own, for whoever runs it: a link that isn't followed, a file that
    /// can't be read.
    pub fn note(&self, text: &[u8]) {
        if let Some(writer) = &self.writer {
            writer.append(|out| {
                out.extend_from_slice(self.mark.as_bytes());
                line::note(out, writer.name(), text);
            });
        }
    }

    /// Whether lines are written to a place that was given; false for [`none`](Self::none) and the default.
    pub const fn is_written(&self) -> bool {
        self.writer.is_some()
    }

    // Apart, so that it costs no more than a look where nothing is shown.
    #[inline(never)]
    fn append(&self, text: impl FnOnce(&mut Vec<u8>)) {
        if let Some(writer) = &self.writer {
            writer.append(text);
        }
    }
}
