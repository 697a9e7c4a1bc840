//! A thread that writes lines out, so that no connection waits for the log.

use std::io::Write;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// What may wait to be written, in octets.
const ROOM: usize = 1024 * 1024;

/// Once it has written, the writer lets lines gather for so long: under load that makes one write
/// of many, and nobody has to wake it.
const GATHER: Duration = Duration::from_millis(10);

/// A place to write, and the thread that does it.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// The name that the server's own lines begin with; `thimble` if none is set.
    name: OnceLock<&'static str>,
    state: Mutex<State>,
    /// There is something to write, or nothing more will come.
    filled: Condvar,
    /// All was written.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    text: Vec<u8>,
    /// Entries that found no room.
    lost: u64,
    /// The writer waits on `filled`.
    sleeps: bool,
    /// The writer holds text that is not written yet.
    writes: bool,
    closed: bool,
}

impl Writer {
    /// Starts the thread. `None` if the system has no more threads.
    pub(super) fn start(place: impl Write + Send + 'static) -> Option<Self> {
        let queue = Arc::<Queue>::default();
        let writer = Arc::clone(&queue);
        let thread = thread::Builder::new().name("thimble-log".into()).stack_size(64 * 1024);
        thread.spawn(move || writer.write_out(place)).ok()?;
        Some(Self { queue })
    }

    /// Names whose lines the server's own are. Only the first name counts.
    pub(super) fn set_name(&self, name: &'static str) {
        let _ = self.queue.name.set(name);
    }

    /// The name that the server's own lines begin with.
    pub(super) fn name(&self) -> &'static str {
        self.queue.name()
    }

    /// Adds what `entry` appends, all of it or nothing.
    pub(super) fn append(&self, entry: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.queue.state();
        if state.text.len() >= ROOM {
            state.lost = state.lost.saturating_add(1);
            return;
        }
        entry(&mut state.text);
        if mem::take(&mut state.sleeps) {
            drop(state);
            self.queue.filled.notify_one();
        }
    }

    /// Waits until all is written, but no longer than `most`.
    pub(super) fn flush(&self, most: Duration) {
        let state = self.queue.state();
        let _ = self
            .queue
            .drained
            .wait_timeout_while(state, most, |state| state.writes || !state.text.is_empty());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.state().closed = true;
        self.queue.filled.notify_one();
    }
}

impl Queue {
    fn write_out(&self, mut place: impl Write) {
        let mut text = Vec::new();
        while self.take(&mut text) {
            // Where nobody reads any more, there is nothing to be done about it.
            let _ = place.write_all(&text).and_then(|()| place.flush());
            text.clear();
            self.state().writes = false;
            self.drained.notify_all();
            thread::sleep(GATHER);
        }
    }

    /// Exchanges `text`, which is empty, for what waits. Returns false when nothing more will come.
    fn take(&self, text: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        while state.text.is_empty() {
            if state.closed {
                return false;
            }
            state.sleeps = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sleeps = false;
        state.writes = true;
        mem::swap(&mut state.text, text);
        let lost = mem::take(&mut state.lost);
        drop(state);
        if lost > 0 {
            // Writing to memory doesn't fail.
            let name = self.name();
            let _ = writeln!(text, "{name}: the log was too slow; {lost} of its entries are lost");
        }
        true
    }

    fn name(&self) -> &'static str {
        self.name.get().copied().unwrap_or("thimble")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// Sends each write on, but only after a token has come for it.
    struct Held(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Held {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.1.send(text.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn entries_are_written_in_order_and_whole() {
        let (tokens, wait) = channel();
        let (sender, written) = channel();
        let Some(writer) = Writer::start(Held(wait, sender)) else { panic!("no thread") };
        let mut expected = String::new();
        for number in 0..100 {
            let line = format!("line {number}\n");
            writer.append(|out| out.extend_from_slice(line.as_bytes()));
            expected += &line;
        }
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let _ = tokens.send(());
            seen.extend(written.recv_timeout(SOON).unwrap_or_default());
        }
        assert_eq!(String::from_utf8(seen).as_deref(), Ok(expected.as_str()));
        writer.flush(SOON);
        assert!(writer.queue.state().text.is_empty());
    }

    #[test]
    fn a_held_place_holds_nobody_and_what_is_lost_is_counted() {
        let (tokens, wait) = channel();
        let (sender, written) = channel();
        let Some(writer) = Writer::start(Held(wait, sender)) else { panic!("no thread") };
        let begun = Instant::now();
        writer.append(|out| out.extend_from_slice(b"first\n"));
        while !writer.queue.state().writes {
            thread::yield_now();
        }
        for _ in 0..ROOM / 1024 + 7 {
            writer.append(|out| out.resize(out.len() + 1024, b'x'));
        }
        writer.flush(Duration::from_millis(30));
        assert!(begun.elapsed() < SOON);
        let _ = (tokens.send(()), tokens.send(()));
        assert_eq!(written.recv_timeout(SOON).as_deref(), Ok(&b"first\n"[..]));
        let rest = written.recv_timeout(SOON).unwrap_or_default();
        assert!(rest.starts_with(b"xxx"));
        let note = b"thimble: the log was too slow; 7 of its entries are lost\n";
        assert!(rest.ends_with(note));
    }

    #[test]
    fn a_closed_place_swallows() {
        let (_, wait) = channel();
        let (sender, _) = channel();
        let Some(writer) = Writer::start(Held(wait, sender)) else { panic!("no thread") };
        for _ in 0..10 {
            writer.append(|out| out.extend_from_slice(b"line\n"));
        }
        writer.flush(SOON);
        assert!(writer.queue.state().text.is_empty());
    }
}
