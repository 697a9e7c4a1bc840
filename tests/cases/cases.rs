//! Every row of the case tables, over each kind of storage, in memory and over sockets.
//!
//! What is sent arrives whole, octet by octet, and split in two at every place; each time the same
//! replies have to come, and they have to be those that the row expects. Over other storages that
//! hold the same files, and over sockets, they are the same again but for entity tags.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use tempfile::TempDir;
use thimble_core::Image;
use thimble_core::service::Storage;
use thimble_image::Builder;
use thimble_std::Folder;
use thimble_std::event_loop::EventLoop;
use thimble_test_app::App;
use thimble_test_fixtures as fixtures;
use thimble_tests::cases::replay::{Replays, TRANSMIT, entity_tag, entity_tag_request};
use thimble_tests::cases::report::report;
use thimble_tests::cases::transcript::{FOLLOW_UP, Octets, Transcript};
use thimble_tests::cases::{self, End, Root, Setting};
use thimble_tests::memory::{Fixture, Reads, Then};
use thimble_tests::wire::converse::converse;

/// Up to this many octets are split everywhere.
const SPLIT_EVERYWHERE: usize = 600;

/// Octets of a transmit buffer that has to be used more than once for many a reply.
const SMALL: usize = 2 * 1024;

#[test]
fn in_memory() {
    every_row_over(|root| Fixture::load_root(root).unwrap());
}

#[test]
fn over_a_folder() {
    let folders = Folders::new();
    every_row_over(|root| folders.open(root));
}

#[test]
fn over_an_image() {
    let folders = Folders::new();
    every_row_over(|root| folders.image(root));
}

#[test]
fn over_sockets_with_std() {
    let folders = Folders::new();
    every_row_over_sockets(|root| folders.open(root), with_std);
}

#[test]
fn over_sockets_with_std_from_an_image() {
    let folders = Folders::new();
    every_row_over_sockets(|root| folders.image(root), with_std);
}

#[test]
fn over_sockets_with_tokio() {
    let folders = Folders::new();
    every_row_over_sockets(|root| folders.open(root), with_tokio);
}

#[test]
fn over_sockets_with_an_event_loop() {
    let folders = Folders::new();
    every_row_over_sockets(|root| folders.open(root), with_event_loop);
}

/// Each row has the replies over sockets that it has in memory, over the storages that `open` gives,
/// from the servers that `start` starts.
fn every_row_over_sockets<S: Storage>(open: impl Fn(Root) -> S, start: fn(Setting, S) -> Running) {
    let mut replays = Replays::new(&open, TRANSMIT);
    // This server always has a clock.
    let clocked = |setting: Setting| Setting { clock: true, ..setting };
    let servers = RefCell::new(HashMap::new());
    let address = |setting: Setting| {
        let mut servers = servers.borrow_mut();
        let serve = || start(setting, open(setting.root));
        servers.entry(setting).or_insert_with(serve).address
    };
    let cases = cases::all_asking(|root, path, coding| {
        let setting = Setting { root, ..Setting::USUAL };
        let sent = entity_tag_request(path, coding);
        let output = converse(&sent, false, address(setting)).ok();
        let read = output.and_then(|output| Transcript::read(&output, &[true], true).ok());
        entity_tag(read.as_ref(), coding)
    })
    .unwrap();
    report(&cases, |case| {
        let setting = clocked(case.setting);
        let memory = match replays.with(setting).run(case, &[&case.send]) {
            Ok(transcript) => transcript.without_interim(),
            Err(fault) => return vec![fault],
        };
        let follow_up = if case.end == End::Open && !case.shut { FOLLOW_UP } else { b"" };
        let sent = [&case.send, follow_up].concat();
        let sockets = converse(&sent, case.shut, address(setting))
            .and_then(|output| Transcript::read(&output, &memory.to_head(), memory.closed));
        match sockets {
            Ok(sockets) if sockets.without_interim() == memory => Vec::new(),
            Ok(sockets) => vec![format!("over sockets:\n{sockets}\n  in memory:\n{memory}")],
            Err(fault) => vec![format!("over sockets: {fault}")],
        }
    });
}

/// Each row over the storages that `open` gives has the replies that it expects, however it arrives,
/// and whatever the size of the transmit buffer. They are those that it has over a [`Fixture`].
fn every_row_over<S: Storage>(open: impl Fn(Root) -> S) {
    let mut usual = Replays::new(&open, TRANSMIT);
    let mut small = Replays::new(&open, SMALL);
    let pieces = |root| Fixture::load_root(root).unwrap().reading(Reads::Pieces(5));
    let mut fixture = Replays::new(pieces, SMALL);
    let cases =
        cases::all_asking(|root, path, coding| usual.entity_tag(root, path, coding)).unwrap();
    let fixture_cases =
        cases::all_asking(|root, path, coding| fixture.entity_tag(root, path, coding)).unwrap();
    let mut of_fixture = fixture_cases.iter();
    report(&cases, |case| {
        let of_fixture = of_fixture.next().filter(|row| row.name == case.name).unwrap();
        let send = case.send.as_slice();
        let replay = usual.with(case.setting);
        let mut run = |pieces: &[&[u8]]| replay.run(case, pieces);
        let whole = match run(&[send]) {
            Ok(whole) => whole,
            Err(fault) => return vec![fault],
        };
        let mut faults = whole.check(case);
        if !faults.is_empty() {
            faults.push(format!("got:\n{whole}"));
            return faults;
        }

        let expected = whole.without_interim();
        let mut compare = |how: &str, expected: &Transcript, got: Result<Transcript, String>| {
            let fault = match got {
                Ok(got) if got.without_interim() == *expected => return true,
                Ok(got) => format!("{how} got:\n{got}\n  instead of:\n{expected}"),
                Err(fault) => format!("{how}: {fault}"),
            };
            faults.push(fault);
            false
        };
        let octets: Vec<&[u8]> = send.chunks(1).collect();
        compare("octet by octet", &expected, run(&octets));
        for at in splits(send) {
            let (before, after) = send.split_at(at);
            let how = format!("split before {}", Octets(after));
            if !compare(&how, &expected, run(&[before, after])) {
                break;
            }
        }
        if case.end == End::Open && !case.shut {
            let together = [send, FOLLOW_UP].concat();
            let got = replay.run_all(&[&together], Then::Wait);
            compare("together with the follow-up", &expected, got);
        }
        if send.len() <= SPLIT_EVERYWHERE {
            let got = small.with(case.setting).run(case, &[send]);
            compare("with a small buffer", &expected, got);
            let got = fixture.with(of_fixture.setting).run(of_fixture, &[&of_fixture.send]);
            let masked = got.map(|got| got.masked());
            compare("with a small buffer and slow files in memory", &expected.masked(), masked);
        }
        faults
    });
}

/// The folders of all rows, made for one test.
struct Folders {
    above: TempDir,
}

impl Folders {
    fn new() -> Self {
        let above = TempDir::with_prefix("thimble-").unwrap();
        for root in Root::ALL {
            fixtures::write(root.name(), &above.path().join(root.name())).unwrap();
        }
        Self { above }
    }

    fn open(&self, root: Root) -> Folder {
        Folder::open(self.at(root)).unwrap()
    }

    /// An image of the folder, to be kept until the process ends.
    fn image(&self, root: Root) -> Image {
        Builder::new(self.at(root)).without_gzip().include_hidden().leak().unwrap()
    }

    fn at(&self, root: Root) -> PathBuf {
        self.above.path().join(root.name())
    }
}

/// A server, stopped when dropped, also by a failure.
struct Running {
    address: SocketAddr,
    stop: Box<dyn Fn()>,
    thread: Option<JoinHandle<()>>,
}

fn with_std<S: Storage + Send + Sync + 'static>(setting: Setting, storage: S) -> Running {
    let server = thimble_std::Server::bind("127.0.0.1:0").unwrap();
    let server = server.limits(setting.limits.limits());
    let (address, stop) = (server.local_addr().unwrap(), server.stop());
    let app = App::with(setting, storage);
    let thread = Some(thread::spawn(move || server.run(app).unwrap()));
    Running { address, stop: Box::new(move || stop.stop()), thread }
}

fn with_tokio<S: Storage + Send + Sync + 'static>(setting: Setting, storage: S) -> Running {
    let server = thimble_tokio::Server::bind("127.0.0.1:0").unwrap();
    let server = server.limits(setting.limits.limits());
    let (address, stop) = (server.local_addr().unwrap(), server.stop());
    let app = App::with(setting, storage);
    let thread = Some(thread::spawn(move || server.run(app).unwrap()));
    Running { address, stop: Box::new(move || stop.stop()), thread }
}

fn with_event_loop<S: Storage + Send + Sync + 'static>(setting: Setting, storage: S) -> Running {
    let server = EventLoop::bind("127.0.0.1:0").unwrap();
    let server = server.limits(setting.limits.limits());
    let (address, stop) = (server.local_addr().unwrap(), server.stop());
    let app = App::with(setting, storage);
    let thread = Some(thread::spawn(move || server.run(app).unwrap()));
    Running { address, stop: Box::new(move || stop.stop()), thread }
}

impl Drop for Running {
    fn drop(&mut self) {
        (self.stop)();
        self.thread.take().map(JoinHandle::join);
    }
}

/// Where to split: everywhere, or around the ends of lines, at both ends and here and there.
fn splits(send: &[u8]) -> Vec<usize> {
    let near = |at: usize| {
        let line_ends = send.get(at.saturating_sub(2)..at.saturating_add(1)).unwrap_or_default();
        at < 64 || at + 64 > send.len() || at.is_multiple_of(997) || line_ends.contains(&b'\n')
    };
    let most = if send.len() <= SPLIT_EVERYWHERE { usize::MAX } else { 400 };
    (1..send.len()).filter(|&at| send.len() <= SPLIT_EVERYWHERE || near(at)).take(most).collect()
}
