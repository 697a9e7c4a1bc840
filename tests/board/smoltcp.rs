//! Every row of the case tables over smoltcp, in simulated time: the same replies as in memory, and
//! so as over the sockets of a desktop, also where frames are lost, damaged and overtaken.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use smoltcp::phy::Medium;
use thimble_core::service::html::REFUSAL_PAGE;
use thimble_smoltcp::{Deadlines, Memory, Server};
use thimble_test_app::App;
use thimble_tests::board::loopback::{Bench, Faults, run};
use thimble_tests::cases::replay::{Replay, Replays, TRANSMIT};
use thimble_tests::cases::report::report;
use thimble_tests::cases::transcript::{FOLLOW_UP, Transcript};
use thimble_tests::cases::{self, Case, End, Setting, Sizes};
use thimble_tests::memory::{FixedClock, Fixture, NOW};

/// Rings smaller than most heads, and of odd sizes: heads and replies straddle their ends.
const WINDOW: usize = 331;
const SEND: usize = 779;
const HEAD: usize = Sizes::Usual.limits().receive_buffer();
const SMALL: usize = Sizes::Small.limits().receive_buffer();

#[test]
fn whole() {
    replay(Medium::Ethernet, Faults::default(), usize::MAX);
}

#[test]
fn without_a_link_layer_in_small_pieces() {
    replay(Medium::Ip, Faults::default(), 7);
}

#[test]
fn with_frames_lost() {
    replay(Medium::Ethernet, Faults { drop: 7, ..Faults::default() }, usize::MAX);
}

#[test]
fn with_frames_damaged() {
    replay(Medium::Ethernet, Faults { corrupt: 15, ..Faults::default() }, usize::MAX);
}

#[test]
fn with_frames_overtaken() {
    replay(Medium::Ethernet, Faults { reorder: 40, ..Faults::default() }, 100);
}

#[test]
fn with_all_of_that() {
    replay(Medium::Ethernet, Faults { drop: 7, corrupt: 7, reorder: 20 }, usize::MAX);
}

/// Every row, on a server for each setting.
fn replay(medium: Medium, faults: Faults, piece: usize) {
    let open = |root| Fixture::load_root(root).unwrap();
    let mut replays = Replays::new(open, TRANSMIT);
    let all =
        cases::all_asking(|root, path, coding| replays.entity_tag(root, path, coding)).unwrap();
    let mut settings: Vec<Setting> = Vec::new();
    for case in &all {
        if !settings.contains(&case.setting) {
            settings.push(case.setting);
        }
    }
    for setting in settings {
        let mut cases = all.clone();
        cases.retain(|case| case.setting == setting);
        let app = App::with(setting, open(setting.root));
        let server = Server::new(&app)
            .clock(FixedClock(setting.clock.then_some(NOW)))
            .limits(setting.limits.limits())
            .deadlines(patient())
            .refusal_page(REFUSAL_PAGE);
        let check = |bench: &mut Bench<'_, '_, '_>| {
            report(&cases, |case| faults_of(case, replays.with(setting), bench, piece));
        };
        match setting.limits {
            Sizes::Usual => {
                let mut memory = Box::new(Memory::<4, WINDOW, SEND, HEAD, TRANSMIT>::new());
                run(&server, &mut memory, medium, faults, check);
            }
            Sizes::Small => {
                let mut memory = Box::new(Memory::<4, WINDOW, SEND, SMALL, TRANSMIT>::new());
                run(&server, &mut memory, medium, faults, check);
            }
        }
    }
}

/// Retransmissions take their time.
fn patient() -> Deadlines {
    let mut deadlines = Deadlines::DEVICE;
    let Deadlines { handshake, idle, head, content, reply, linger, .. } = &mut deadlines;
    for deadline in [handshake, idle, head, content, reply, linger] {
        *deadline = std::time::Duration::from_mins(30);
    }
    deadlines
}

/// How the replies are other than those in memory.
fn faults_of(
    case: &Case,
    replay: &mut Replay,
    bench: &mut Bench<'_, '_, '_>,
    piece: usize,
) -> Vec<String> {
    let memory = match replay.run(case, &[&case.send]) {
        Ok(transcript) => transcript.without_interim(),
        Err(fault) => return vec![fault],
    };
    let follow_up = if case.end == End::Open && !case.shut { FOLLOW_UP } else { b"" };
    let transcript = bench
        .converse(&[&case.send, follow_up].concat(), piece, case.shut)
        .and_then(|output| Transcript::read(&output, &memory.to_head(), memory.closed));
    match transcript {
        Ok(transcript) if transcript.without_interim() == memory => Vec::new(),
        Ok(transcript) => vec![format!("over smoltcp:\n{transcript}\n  in memory:\n{memory}")],
        Err(fault) => vec![format!("over smoltcp: {fault}")],
    }
}
