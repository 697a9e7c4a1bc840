//! What a listing asks of its storage.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::Cell;

use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Entries, Entry, Node, OpenError, ReadError, Storage};
use thimble_tests::cases::Setting;
use thimble_tests::cases::replay::{Replay, TRANSMIT};
use thimble_tests::memory::{FixtureFile, Then};

/// A folder of two files, which counts what it is asked for.
#[derive(Debug)]
struct Counting<'t> {
    asked: &'t Cell<(usize, usize)>,
    begins: Result<(), OpenError>,
}

struct Counted<'t> {
    asked: &'t Cell<(usize, usize)>,
    begins: Result<(), OpenError>,
}

impl<'t> Storage for &Counting<'t> {
    type File = FixtureFile;
    type Entries = Counted<'t>;

    async fn open(&self, _: &Path<'_>, _: Coding) -> Result<Node<FixtureFile>, OpenError> {
        Err(OpenError::NotFound)
    }

    async fn list(&self, _: &Path<'_>) -> Result<Counted<'t>, OpenError> {
        Ok(Counted { asked: self.asked, begins: self.begins })
    }
}

impl Entries for Counted<'_> {
    async fn begin(&mut self) -> Result<(), OpenError> {
        let (begun, asked) = self.asked.get();
        self.asked.set((begun + 1, asked));
        self.begins
    }

    async fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        let (begun, asked) = self.asked.get();
        self.asked.set((begun, asked + 1));
        let entry =
            Entry { name: b"a", is_directory: false, is_link: false, len: 1, modified: None };
        Ok((asked < 2).then_some(entry))
    }
}

fn asked(request: &str, begins: Result<(), OpenError>) -> ((usize, usize), u16) {
    let asked = Cell::new((0, 0));
    let storage = Counting { asked: &asked, begins };
    let mut replay = Replay::new(Setting::USUAL, &storage, TRANSMIT);
    let transcript = replay.run_all(&[request.as_bytes()], Then::Shut).unwrap();
    (asked.get(), transcript.replies.first().unwrap().status)
}

#[test]
fn nothing_is_read_for_a_head() {
    assert_eq!(asked("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(())), ((1, 3), 200));
    assert_eq!(asked("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(())), ((0, 0), 200));
    assert_eq!(asked("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(())), ((0, 0), 405));
}

#[test]
fn what_cannot_be_listed_now_is_refused() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(asked(get, Err(OpenError::Busy)), ((1, 0), 503));
    assert_eq!(asked(get, Err(OpenError::NotFound)), ((1, 0), 404));
}
