//! The fast leaf and the strict grammar make the same of every head, and of every beginning of one.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a failure here is the test's failure")]

mod near_heads;

use near_heads::near_head;
use proptest::prelude::*;
use thimble_core::message::reader::HeadLimits;
use thimble_core::message::{FieldEntry, Head, HeadReader};
use thimble_tests::heads::{LIMITS, Random, agree, changed, parts, shapes};
use thimble_tests::{cases, heads};

/// Limits that most heads come near.
const TIGHT: HeadLimits = HeadLimits { request_line: 40, field_section: 120, fields: 3 };

fn assert_agreement(input: &[u8]) {
    if let Some([recognised, strict]) = parts(input) {
        assert_eq!(recognised, strict, "{}", input.escape_ascii());
    }
    assert_agreement_under(&LIMITS, 20, input);
    assert_agreement_under(&TIGHT, 2, input);
}

fn assert_agreement_under(limits: &HeadLimits, room: usize, input: &[u8]) {
    if let Err(difference) = agree(input, limits, room) {
        let (end, strict, fast) = *difference;
        let input = input[..end].escape_ascii();
        panic!("after {end} octets, {input}\nstrict: {strict:?}\nfast:   {fast:?}");
    }
}

#[test]
fn rows_of_the_case_tables() {
    for case in cases::all().unwrap_or_else(|fault| panic!("{fault}")) {
        assert_agreement(&case.send[..case.send.len().min(2000)]);
    }
}

#[test]
fn shapes_and_small_changes_of_them() {
    let mut random = Random::new(1);
    for shape in shapes() {
        for head in shape.heads.iter().take(40) {
            assert_agreement(head);
            for _ in 0..80 / shape.heads.len().min(40) {
                assert_agreement(&changed(head, &mut random));
            }
        }
    }
}

#[test]
fn every_octet_at_every_place_of_a_short_head() {
    let head =
        b"GET /a HTTP/1.1\r\nHost: b.example\r\nA-Longer-Name-Than-Most: and a value\r\n\r\n";
    for place in 0..head.len() {
        for octet in 0..=255 {
            let mut head = head.to_vec();
            head[place] = octet;
            assert_agreement_under(&LIMITS, 2, &head);
            if let Some([recognised, strict]) = parts(&head) {
                assert_eq!(recognised, strict, "{}", head.escape_ascii());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_nearly_a_head(input in near_head()) {
        assert_agreement(&input);
    }

    #[test]
    fn the_table_says_what_the_lines_say(input in near_head()) {
        let mut table = [FieldEntry::default(); heads::FIELDS];
        let mut reader = HeadReader::default();
        if let Ok(Some(length)) = reader.resume(&input, &LIMITS, &mut table) {
            let by_table = Head::new(&input[..length], &reader, &table);
            let by_lines = Head::new(&input[..length], &reader, &[]);
            match (by_table, by_lines) {
                (Ok(by_table), Ok(by_lines)) => {
                    prop_assert_eq!(by_table.fields().iter().count(), reader.count());
                    prop_assert!(by_table.fields().iter().eq(by_lines.fields().iter()));
                }
                (by_table, by_lines) => prop_assert_eq!(by_table.err(), by_lines.err()),
            }
        }
    }
}
