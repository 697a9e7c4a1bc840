//! Every row of the case tables, in memory and over sockets.
//!
//! What is sent arrives whole, octet by octet, and split in two at every place; each time the same
//! replies have to come, and they have to be those that the row expects. Over sockets they are the
//! same again.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::net::SocketAddr;
use std::thread;

use tempfile::TempDir;
use thimble_std::{Folder, Stop};
use thimble_tests::app::App;
use thimble_tests::cases::{self, Case, End, Setting, Sizes};
use thimble_tests::converse::converse;
use thimble_tests::memory::{Fixture, Reads, Then, copy_fixture};
use thimble_tests::replay::{Replay, TRANSMIT};
use thimble_tests::report::report;
use thimble_tests::transcript::{FOLLOW_UP, Octets, Transcript};

/// Up to this many octets are split everywhere.
const SPLIT_EVERYWHERE: usize = 600;

/// Octets of a transmit buffer that has to be used more than once for many a reply.
const SMALL: usize = 2 * 1024;

#[test]
fn in_memory() {
    let fixture = Fixture::load().unwrap();
    let cases = cases::all().unwrap();
    report(&cases, |case| faults_in_memory(case, fixture));
}

#[test]
fn over_sockets_with_std() {
    let fixture = Fixture::load().unwrap();
    let cases = cases::all().unwrap();
    let folder = TempDir::with_prefix("thimble-").unwrap();
    copy_fixture(folder.path()).unwrap();
    let app = App::new(Folder::open(folder.path()).unwrap());
    thread::scope(|scope| {
        let serve = |sizes: Sizes| {
            let server = thimble_std::Server::bind("127.0.0.1:0").unwrap().limits(sizes.limits());
            let running = Running { address: server.local_addr().unwrap(), stop: server.stop() };
            scope.spawn(|| server.run(&app).unwrap());
            running
        };
        let (usual, small) = (serve(Sizes::Usual), serve(Sizes::Small));
        report(&cases, |case| {
            let server = if case.setting.limits == Sizes::Small { &small } else { &usual };
            faults_over_sockets(case, fixture, server.address)
        });
    });
}

/// A server, stopped when dropped, also by a failure.
struct Running {
    address: SocketAddr,
    stop: Stop,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// What is wrong with a row in memory: with its replies, or the first delivery that changes them.
fn faults_in_memory(case: &Case, fixture: Fixture) -> Vec<String> {
    let mut replay = Replay::new(case.setting, fixture, TRANSMIT);
    let send = case.send.as_slice();
    let whole = match replay.run(case, &[send]) {
        Ok(whole) => whole,
        Err(fault) => return vec![fault],
    };
    let mut faults = whole.check(case);
    if !faults.is_empty() {
        faults.push(format!("got:\n{whole}"));
        return faults;
    }

    let expected = whole.without_interim();
    let mut compare = |how: &str, got: Result<Transcript, String>| {
        let fault = match got {
            Ok(got) if got.without_interim() == expected => return true,
            Ok(got) => format!("{how} got:\n{got}\n  instead of:\n{expected}"),
            Err(fault) => format!("{how}: {fault}"),
        };
        faults.push(fault);
        false
    };
    if case.end == End::Open && !case.shut {
        compare(
            "together with the follow-up",
            replay.run_all(&[&[send, FOLLOW_UP].concat()], Then::Wait),
        );
    }
    let octets: Vec<&[u8]> = send.chunks(1).collect();
    compare("octet by octet", replay.run(case, &octets));
    for at in splits(send) {
        let (before, after) = send.split_at(at);
        if !compare(&format!("split before {}", Octets(after)), replay.run(case, &[before, after]))
        {
            break;
        }
    }
    if send.len() <= SPLIT_EVERYWHERE {
        let pieces = fixture.reading(Reads::Pieces(5));
        let mut replay = Replay::new(case.setting, pieces, SMALL);
        compare("with a small buffer and slow files", replay.run(case, &[send]));
    }
    faults
}

/// How the replies at `address` are other than those in memory.
fn faults_over_sockets(case: &Case, fixture: Fixture, address: SocketAddr) -> Vec<String> {
    // This server always has a clock.
    let setting = Setting { clock: true, ..case.setting };
    let memory = match Replay::new(setting, fixture, TRANSMIT).run(case, &[&case.send]) {
        Ok(transcript) => transcript.without_interim(),
        Err(fault) => return vec![fault],
    };
    let sockets = converse(case, address)
        .and_then(|output| Transcript::read(&output, &memory.to_head(), memory.closed));
    match sockets {
        Ok(sockets) if sockets.without_interim() == memory => Vec::new(),
        Ok(sockets) => vec![format!("over sockets:\n{sockets}\n  in memory:\n{memory}")],
        Err(fault) => vec![format!("over sockets: {fault}")],
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
