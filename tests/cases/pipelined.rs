//! Rows of the tables one after the other on one connection: each gets the replies that it gets
//! alone, whatever came before it, however all of it was split, and whatever the size of the
//! transmit buffer.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fmt;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use thimble_tests::cases::replay::Replay;
use thimble_tests::cases::transcript::{FOLLOW_UP, Octets, Reply};
use thimble_tests::cases::{self, Case, End, Setting};
use thimble_tests::memory::{Fixture, Reads, Then};

const SETTING: Setting = Setting::USUAL;

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::load().unwrap());

/// A row, and the replies that it gets alone.
struct Row {
    case: Case,
    replies: Vec<Reply>,
}

/// The name says enough.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.case.name.fmt(f)
    }
}

/// Octets of the smallest transmit buffer.
const SMALLEST: usize = 800;

/// The rows that leave the connection open, and those that end it. Those that fail alone are the
/// business of another test, and a few need a larger buffer.
static ROWS: LazyLock<(Vec<Row>, Vec<Row>)> = LazyLock::new(|| {
    let mut replay = Replay::new(SETTING, *FIXTURE, SMALLEST);
    let alone = |case: Case| {
        let transcript = replay.run(&case, &[&case.send]).ok()?;
        let mut replies = transcript.without_interim().replies;
        if case.end == End::Open {
            replies.pop();
        }
        transcript.check(&case).is_empty().then_some(Row { case, replies })
    };
    let mut cases = cases::all().unwrap();
    // Empty lines before a request are counted together with those after the one before it.
    let begins_empty = |case: &Case| case.send.starts_with(b"\r\n");
    cases.retain(|case| case.setting == SETTING && !case.shut && !begins_empty(case));
    cases.into_iter().filter_map(alone).partition(|row| row.case.end == End::Open)
});

fn row(rows: &'static [Row]) -> impl Strategy<Value = &'static Row> {
    select(rows.iter().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_request_is_answered_as_if_it_were_alone(
        rows in prop::collection::vec(row(&ROWS.0), 1..12),
        last in prop::option::of(row(&ROWS.1)),
        splits in prop::collection::vec(any::<Index>(), 0..8),
        transmit in prop_oneof![SMALLEST..1200, SMALLEST..6000],
        reads in prop_oneof![
            Just(Reads::Slice),
            (1_usize..300).prop_map(Reads::Pieces),
            (1_usize..9000).prop_map(Reads::Sent),
        ],
    ) {
        let mut send: Vec<u8> = rows.iter().flat_map(|row| &row.case.send).copied().collect();
        send.extend_from_slice(last.map_or(FOLLOW_UP, |row| &row.case.send));
        let mut cuts: Vec<usize> = splits.iter().map(|split| split.index(send.len())).collect();
        cuts.extend([0, send.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> =
            cuts.windows(2).filter_map(|cut| send.get(*cut.first()?..*cut.last()?)).collect();

        let mut replay = Replay::new(SETTING, FIXTURE.reading(reads), transmit);
        let got = replay.run_all(&pieces, Then::Wait).map_err(TestCaseError::fail)?;
        let got = got.without_interim();
        let mut got_replies = got.replies.iter();
        for row in rows.iter().copied().chain(last) {
            for expected in &row.replies {
                prop_assert_eq!(got_replies.next(), Some(expected), "{:?}:\n{}", row, got);
            }
        }
        let follow_up = got_replies.next().map(|reply| reply.content.as_slice());
        prop_assert_eq!(follow_up, last.is_none().then_some(b"hello\n".as_slice()), "\n{}", got);
        prop_assert!(got_replies.next().is_none() && got.closed, "{}", Octets(&send));
    }
}

/// The path of a request may be decoded where the replies before it wait to be sent.
#[test]
fn a_reply_of_any_length_is_safe_from_the_next_path() {
    const SIZE: usize = 2048;
    let mut replay = Replay::new(SETTING, *FIXTURE, SIZE);
    let next = "%79".repeat(20);
    for length in 1..SIZE {
        let filler = "x".repeat(length);
        let send = format!(
            "GET /segments/{filler} HTTP/1.1\r\nHost: a\r\n\r\n\
             GET /segments/{next} HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let got = replay.run_all(&[&[send.as_bytes(), FOLLOW_UP].concat()], Then::Wait).unwrap();
        let contents = got.replies.iter().map(|reply| reply.content.as_slice());
        let expected = [filler.as_bytes(), &[b'y'; 20], b"hello\n"];
        assert!(contents.eq(expected), "after {length} octets of content:\n{got}");
    }
}

/// The page of a refusal nearly fills the smallest transmit buffer, and a request that has chunks is refused
/// only once they have been looked at.
#[test]
fn a_page_of_a_refusal_is_safe_from_a_refusal_behind_it() {
    let (open, last) = &*ROWS;
    let is_page = |reply: &Reply| {
        reply.content.starts_with(b"<!DOCTYPE")
            && reply.content.windows(4).any(|four| four == b">405")
    };
    let pages: Vec<_> = open.iter().filter(|row| row.replies.iter().all(is_page)).collect();
    let malformed = last.iter().filter(|row| row.case.name.contains("malformed chunk"));
    let malformed: Vec<_> = malformed.collect();
    assert!(!pages.is_empty() && malformed.len() >= 5, "{pages:?} {malformed:?}");
    for (page, next) in pages.iter().flat_map(|page| malformed.iter().map(move |next| (page, next)))
    {
        let send = [&*page.case.send, &next.case.send].concat();
        for (cut, reads) in (0..send.len()).flat_map(|cut| {
            [Reads::Slice, Reads::Pieces(1), Reads::Sent(1000)].map(|reads| (cut, reads))
        }) {
            let mut replay = Replay::new(SETTING, FIXTURE.reading(reads), SMALLEST);
            let (first, second) = send.split_at(cut);
            let got = replay.run_all(&[first, second], Then::Wait).unwrap().without_interim();
            let expected = page.replies.iter().chain(&next.replies);
            assert!(got.replies.iter().eq(expected), "{page:?}, {next:?}, cut at {cut}:\n{got}");
        }
    }
}
