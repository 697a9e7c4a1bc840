//! Any octets as a request head: the verdict is the same octet by octet, and what is accepted is
//! in the grammar as a simpler reading of it sees it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thimble_core::framing::{Connection, Event, Limits};
use thimble_core::message::{Head, ParseError};

/// The length of the head at the start of `input`, or what is wrong with it.
fn receive(connection: &mut Connection, input: &[u8]) -> Result<Option<usize>, ParseError> {
    let received = connection.receive(input)?;
    match received.event {
        Event::Head(head) => {
            check(&head);
            Ok(Some(head.as_bytes().len()))
        }
        _ => Ok(None),
    }
}

fn check(head: &Head<'_>) {
    let octets = head.as_bytes();
    assert!(octets.ends_with(b"\r\n\r\n"));
    assert!(!octets.iter().any(|octet| matches!(octet, 0..=8 | 11 | 12 | 14..=31 | 127)));
    let lines = octets.windows(2).filter(|pair| pair == b"\r\n").count() - 2;
    assert_eq!(head.fields().iter().count(), lines);
    assert_eq!(octets.iter().filter(|&&octet| octet == b'\n').count(), lines + 2);
    assert_eq!(octets.iter().filter(|&&octet| octet == b'\r').count(), lines + 2);
    for line in head.fields().iter() {
        assert!(!line.name.is_empty() && line.name.is_ascii());
        assert_eq!(line.value.trim_ascii_start().len(), line.value.len());
    }
    assert!(head.fields().all("host").count() <= 1);
}

fuzz_target!(|input: &[u8]| {
    let limits = Limits::DEVICE;
    let whole = receive(&mut Connection::new(limits), input);
    let mut connection = Connection::new(limits);
    let mut skipped = 0;
    for end in 0..=input.len() {
        let received = connection.receive(&input[skipped..end]);
        match received {
            Ok(received) => match received.event {
                Event::Head(head) => {
                    assert_eq!(whole, Ok(Some(head.as_bytes().len())));
                    return;
                }
                _ => skipped += received.consumed,
            },
            Err(error) => {
                assert_eq!(whole, Err(error));
                return;
            }
        }
    }
    assert_eq!(whole, Ok(None));
});
