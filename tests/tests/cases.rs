//! Every row of the case tables, in memory and over sockets.
//!
//! What is sent arrives whole, octet by octet, and split in two at every place; each time the same
//! replies have to come, and they have to be those that the row expects. Over sockets they are the
//! same again.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use thimble_std::Folder;
use thimble_tests::app::App;
use thimble_tests::cases::{self, Case, End, Setting, Sizes};
use thimble_tests::memory::{Fixture, Reads, Then, copy_fixture};
use thimble_tests::replay::{Replay, TRANSMIT};
use thimble_tests::transcript::{FOLLOW_UP, Octets, Transcript};

/// Rows that are known to fail, and why that is left alone for now. One that passes fails.
const SKIPS: &[(&str, &str)] = &[];

/// Up to this many octets are split everywhere.
const SPLIT_EVERYWHERE: usize = 600;

/// Longer than any row takes, and shorter than a server waits for an idle client.
const PATIENCE: Duration = Duration::from_secs(10);

/// Octets of a transmit buffer that has to be used more than once for many a reply.
const SMALL: usize = 2 * 1024;

#[test]
fn in_memory() {
    let fixture = Fixture::load().unwrap();
    let cases = cases::all().unwrap();
    report(&cases, |case| faults_in_memory(case, fixture));
}

/// Rows over the sockets of a frontend, whose servers `start` in threads of the scope: one for each
/// size of limits.
macro_rules! over_sockets {
    ($name:ident, $frontend:ident, |$server:ident, $app:ident| $run:expr) => {
        #[test]
        fn $name() {
            let fixture = Fixture::load().unwrap();
            let cases = cases::all().unwrap();
            let folder = TempDir::with_prefix("thimble-").unwrap();
            copy_fixture(folder.path()).unwrap();
            thread::scope(|scope| {
                let serve = |sizes: Sizes| {
                    let $server = $frontend::Server::bind("127.0.0.1:0").unwrap();
                    let $server = $server.limits(sizes.limits());
                    let (address, stop) = ($server.local_addr().unwrap(), $server.stop());
                    let $app = App::new(Folder::open(folder.path()).unwrap());
                    scope.spawn(move || $run.unwrap());
                    Running { address, stop: Some(move || stop.stop()) }
                };
                let (usual, small) = (serve(Sizes::Usual), serve(Sizes::Small));
                report(&cases, |case| {
                    let is_small = case.setting.limits == Sizes::Small;
                    let address = if is_small { small.address } else { usual.address };
                    faults_over_sockets(case, fixture, address)
                });
            });
        }
    };
}

over_sockets!(over_sockets_with_std, thimble_std, |server, app| server.run(&app));
over_sockets!(over_sockets_with_tokio, thimble_tokio, |server, app| server.run(app));

/// A server, stopped when dropped, also by a failure.
struct Running<F: FnOnce()> {
    address: SocketAddr,
    stop: Option<F>,
}

impl<F: FnOnce()> Drop for Running<F> {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

/// Fails for all rows that fail, at once.
fn report(cases: &[Case], faults: impl Fn(&Case) -> Vec<String>) {
    let failures = failures(cases, SKIPS, faults);
    let (failed, all) = (failures.len(), cases.len());
    assert!(failed == 0, "{failed} failures in {all} rows:\n\n{}", failures.join("\n"));
}

/// What has failed: rows, and skips that are not needed.
fn failures(
    cases: &[Case],
    skips: &[(&str, &str)],
    faults: impl Fn(&Case) -> Vec<String>,
) -> Vec<String> {
    let unknown = skips.iter().filter(|(name, _)| !cases.iter().any(|case| case.name == *name));
    let unknown = unknown.map(|(name, _)| format!("{name}: is skipped, and is in no table\n"));
    let failed = cases.iter().filter_map(|case| {
        let Case { table, name, rfc, level, why, .. } = case;
        let faults = faults(case);
        match skips.iter().find(|(skipped, _)| skipped == name) {
            Some((_, reason)) if faults.is_empty() => {
                Some(format!("{name}: passes, and is skipped: {reason}\n"))
            }
            None if !faults.is_empty() => {
                let sent = Octets(&case.send);
                let faults = faults.join("\n  ");
                Some(format!(
                    "{table}: {name} ({rfc}, {level:?})\n  {why}\n  sent: {sent}\n  {faults}\n"
                ))
            }
            _ => None,
        }
    });
    unknown.chain(failed).collect()
}

#[test]
fn failures_and_needless_skips_are_reported() {
    let cases = cases::all().unwrap();
    let (first, second) = (&cases[0], &cases[1]);
    let fails = |case: &Case| if case == first { vec!["it fails".into()] } else { Vec::new() };
    let reported = |skips: &[(&str, &str)]| failures(&cases, skips, fails);
    assert!(matches!(&reported(&[])[..], [one] if one.contains("it fails")));
    assert!(matches!(&reported(&[])[..], [one] if one.contains(&first.why)));
    assert!(reported(&[(&first.name, "a reason")]).is_empty());
    assert_eq!(reported(&[(&first.name, ""), (&second.name, "")]).len(), 1);
    assert_eq!(reported(&[(&first.name, ""), ("no such row", "")]).len(), 1);
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

/// Sends what `case` says, and reads until the server closes.
fn converse(case: &Case, address: SocketAddr) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let follow_up = if case.end == End::Open && !case.shut { FOLLOW_UP } else { b"" };
    // Who refuses early may close before all is sent; the reply tells.
    let _ = stream.write_all(&[&case.send, follow_up].concat());
    if case.shut {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut output = Vec::new();
    match stream.read_to_end(&mut output) {
        Ok(_) => Ok(output),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(format!("the connection stays open after {}", Octets(&output)))
        }
        Err(error) => Err(format!("{error} after {}", Octets(&output))),
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
