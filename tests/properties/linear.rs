//! A head that trickles in takes work that is linear in its octets.
//!
//! What a reader looks at can't be seen from outside; what it can't have looked at can. Each time
//! that it goes on, all octets it has no reason to look at again are NUL, which no head may hold:
//! one look, and the head is refused. What is left is counted.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure"
)]

mod near_heads;

use near_heads::near_head;
use proptest::prelude::*;
use thimble_core::message::{FieldEntry, HeadReader, ParseError};
use thimble_tests::cases;
use thimble_tests::heads::{FIELDS, LIMITS, Random, shapes};

/// The head's length or its fault, and how many octets were shown to get there.
struct Read {
    result: Result<Option<usize>, ParseError>,
    /// Field lines.
    count: usize,
    table: Vec<FieldEntry>,
    shown: usize,
}

/// Reads `input`, of which so much arrives each time. A line may be looked at from its beginning
/// only by who has its end; before that, new octets alone, and a CR that waits for its LF.
fn read(input: &[u8], arrivals: &mut dyn Iterator<Item = usize>) -> Read {
    let mut reader = HeadReader::default();
    let mut table = vec![FieldEntry::default(); FIELDS];
    let (mut line, mut seen, mut shown) = (0, 0, 0);
    let mut octets = vec![0; input.len()];
    loop {
        let end = (seen + arrivals.next().unwrap()).min(input.len());
        let new = &input[seen..end];
        let waits = seen > line && input[seen - 1] == b'\r';
        let from = if new.contains(&b'\n') { line } else { seen - usize::from(waits) };
        octets.fill(0);
        octets[from..end].copy_from_slice(&input[from..end]);
        shown += end - from;
        let result = reader.resume(&octets[..end], &LIMITS, &mut table);
        if result != Ok(None) || end == input.len() {
            return Read { result, count: reader.count(), table, shown };
        }
        if let Some(last) = new.iter().rposition(|&octet| octet == b'\n') {
            line = seen + last + 1;
        }
        seen = end;
    }
}

fn assert_linear(input: &[u8], random: &mut Random) {
    let whole = read(input, &mut std::iter::once(input.len()));
    assert!(whole.shown == input.len());
    for most in [1, 2, 3, 16, 17, 100, 1460] {
        let mut arrivals = std::iter::repeat_with(|| 1 + random.below(most));
        let read = read(input, &mut arrivals);
        let place = || format!("in pieces of up to {most}: {}", input.escape_ascii());
        assert_eq!(read.result, whole.result, "{}", place());
        if whole.result.is_ok() {
            assert_eq!((read.count, &read.table), (whole.count, &whole.table), "{}", place());
        }
        // Once when it arrives, and once more when its line is whole; CRs twice when they arrive.
        assert!(read.shown <= 3 * input.len(), "{} octets, {}", read.shown, place());
    }
}

#[test]
fn shapes_of_heads() {
    for shape in shapes() {
        for head in shape.heads.iter().take(100) {
            assert_linear(head, &mut Random::new(2));
        }
    }
}

#[test]
fn rows_of_the_case_tables() {
    for case in cases::all().unwrap_or_else(|fault| panic!("{fault}")) {
        assert_linear(&case.send[..case.send.len().min(20_000)], &mut Random::new(3));
    }
}

#[test]
fn one_long_line() {
    for head in [
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8000)),
        format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(40_000)),
        format!("GET / HTTP/1.1\r\n{}: b\r\n\r\n", "A".repeat(40_000)),
        format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "\t".repeat(40_000)),
        format!("GET / HTTP/1.1\r\nA:{}b\r\n\r\n", " \t".repeat(20_000)),
        format!("GET / HTTP/1.1\r\nConnection: {}\r\n\r\n", ",".repeat(40_000)),
    ] {
        assert_linear(head.as_bytes(), &mut Random::new(4));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_nearly_a_head(input in near_head(), seed in any::<u64>()) {
        assert_linear(&input, &mut Random::new(seed));
    }
}
