//! What is emitted is parsed back as it was, whatever it is and however it is split.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure here is the test's failure"
)]

use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use thimble_core::bytes::cursor::Cursor;
use thimble_core::framing::{Connection, EmitError, Event, Length, Limits};
use thimble_core::grammar::date::{UnixTime, imf_fixdate};
use thimble_core::message::{Head, Method, Status, Version};
use thimble_core::service::Form;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED: &[u8] = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The last second of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// A connection that has received `request`, which has no content or none so far.
fn connection(request: &[u8]) -> Connection {
    let mut connection = Connection::new(Limits::DESKTOP);
    assert!(matches!(connection.receive(request).unwrap().event, Event::Head(_)));
    connection
}

/// Emits `pieces` as chunked content, through outputs of `size` octets.
fn emit_chunked(pieces: &[Vec<u8>], size: usize) -> Vec<u8> {
    let mut connection = connection(GET);
    let mut output = vec![0; size];
    let sender = connection.reply();
    sender.emit_status(Status::OK, None, &mut Cursor::new(&mut output)).unwrap();
    sender.emit_end_of_head(Length::Unknown, &mut Cursor::new(&mut output)).unwrap();
    let mut chunked = Vec::new();
    for piece in pieces {
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            let mut cursor = Cursor::new(&mut output);
            let consumed = sender.emit_content(rest, &mut cursor).unwrap();
            let produced = cursor.written().unwrap();
            rest = &rest[consumed..];
            chunked.extend_from_slice(&output[..produced]);
        }
    }
    chunked.extend_from_slice(sender.end().unwrap());
    chunked
}

/// Receives content that arrives up to each of `arrivals` in turn. Returns it with what follows it.
fn receive_content(input: &[u8], arrivals: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let mut connection = connection(CHUNKED);
    let (mut content, mut start) = (Vec::new(), 0);
    for &end in arrivals {
        loop {
            let received = connection.receive(&input[start..end]).unwrap();
            start += received.consumed;
            match received.event {
                Event::Content(piece) => content.extend_from_slice(piece),
                Event::Complete => return (content, input[start..].to_vec()),
                Event::More => break,
                Event::Head(head) => panic!("{head:?} in the content"),
            }
        }
    }
    panic!("the content has no end after {}", content.escape_ascii());
}

/// The lines that CRLF divides.
fn lines(mut head: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some(at) = head.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(head[..at].to_vec());
        head = &head[at + 2..];
    }
    lines.push(head.to_vec());
    lines
}

/// A form with each octet as it is or percent-encoded, as `encoded` says.
fn encode_form(fields: &[(String, String)], encoded: &[bool]) -> Vec<u8> {
    let mut encoded = encoded.iter().copied().cycle();
    let mut encode = |text: &str| -> Vec<u8> {
        let octets = text.bytes().flat_map(|octet| {
            let may_stand = !b"%&+=".contains(&octet) && octet.is_ascii();
            match octet {
                b' ' if encoded.next().unwrap() => b"+".to_vec(),
                _ if may_stand && !encoded.next().unwrap() => vec![octet],
                _ => format!("%{octet:02x}").into_bytes(),
            }
        });
        octets.collect()
    };
    let fields = fields.iter().map(|(name, value)| [encode(name), encode(value)].join(&b'='));
    fields.collect::<Vec<_>>().join(&b'&')
}

fn token() -> impl Strategy<Value = String> {
    "[-!#$%&'*+.^_`|~0-9A-Za-z]{1,20}"
}

/// A field value: visible octets and obs-text at both ends, spaces and tabs between them.
fn field_value() -> impl Strategy<Value = Vec<u8>> {
    let visible = || prop_oneof![0x21_u8..0x7f, 0x80_u8..=0xff];
    let inner = vec(prop_oneof![4 => visible(), 1 => Just(b' '), 1 => Just(b'\t')], 0..30);
    prop_oneof![
        Just(Vec::new()),
        (visible(), inner, visible())
            .prop_map(|(first, inner, last)| { [vec![first], inner, vec![last]].concat() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn chunked_content(
        pieces in vec(vec(any::<u8>(), 0..300), 0..8),
        size in 64_usize..500,
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let mut input = emit_chunked(&pieces, size);
        let (content, chunked_end) = (pieces.concat(), input.len());
        input.extend_from_slice(GET);
        let mut arrivals: Vec<_> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        arrivals.extend([chunked_end, input.len()]);
        arrivals.sort_unstable();
        prop_assert_eq!(receive_content(&input, &arrivals), (content.clone(), GET.to_vec()));
        let one_by_one: Vec<usize> = (0..=input.len()).collect();
        prop_assert_eq!(receive_content(&input, &one_by_one), (content, GET.to_vec()));
    }

    #[test]
    fn forms(
        fields in vec((any::<String>(), any::<String>()), 0..6),
        encoded in vec(any::<bool>(), 1..40),
    ) {
        let mut content = encode_form(&fields, &encoded);
        let form = Form::decode(&mut content).unwrap();
        let decoded: Vec<_> = form.iter().map(|(name, value)| (name.into(), value.into())).collect();
        prop_assert_eq!(&decoded, &fields);
        for (name, _) in &fields {
            let first = fields.iter().find(|(other, _)| other == name);
            prop_assert_eq!(form.get(name), first.map(|(_, value)| value.as_str()));
        }
    }

    #[test]
    fn any_octets_as_a_form(content in vec(any::<u8>(), 0..200)) {
        let pairs = content.split(|&octet| octet == b'&').filter(|pair| !pair.is_empty()).count();
        let is_text = std::str::from_utf8(&content).is_ok();
        let mut octets = content.clone();
        let form = Form::decode(&mut octets);
        prop_assert_eq!(form.map(|form| form.iter().count()), is_text.then_some(pairs));
    }

    #[test]
    fn request_heads(
        method in token(),
        path in "(/[-.~_!$&'()*+,;=:@|0-9A-Za-z]{0,12}(%[0-9a-fA-F]{2})?){1,4}",
        query in prop::option::of("[-.~_!$&'()*+,;=:@/?%0-9A-Za-z]{0,12}"),
        minor in 0_u8..10,
        fields in vec(("X-[a-z]{1,8}", field_value()), 0..12),
        before in "[ \t]{0,3}",
        after in "[ \t]{0,3}",
    ) {
        prop_assume!(method != "CONNECT");
        let target = query.iter().fold(path.clone(), |path, query| format!("{path}?{query}"));
        let mut octets = format!("{method} {target} HTTP/1.{minor}\r\nHost: a\r\n").into_bytes();
        for (name, value) in &fields {
            let line = [name.as_bytes(), b":", before.as_bytes(), value, after.as_bytes(), b"\r\n"];
            octets.extend(line.concat());
        }
        octets.extend_from_slice(b"\r\n");

        let mut connection = Connection::new(Limits::DESKTOP);
        for end in 0..octets.len() {
            let received = connection.receive(&octets[..end]).unwrap();
            prop_assert!(received.consumed == 0 && matches!(received.event, Event::More));
        }
        let received = connection.receive(&octets).unwrap();
        prop_assert_eq!(received.consumed, octets.len());
        let Event::Head(head) = received.event else { return Err(TestCaseError::fail("no head")) };
        let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
        prop_assert_eq!((head.method(), head.version()), (Method::new(&method), version));
        prop_assert_eq!((head.target().path(), head.target().query()), (&*path, query.as_deref()));
        let parsed: Vec<_> =
            head.fields().iter().skip(1).map(|line| (line.name.into(), line.value.into())).collect();
        prop_assert_eq!(parsed, fields);
        prop_assert!(Head::parse(&octets).is_ok());
    }

    #[test]
    fn dates(seconds in prop_oneof![0..=LAST_SECOND, 0_u64..100, LAST_SECOND - 100..=LAST_SECOND]) {
        let date = imf_fixdate(UnixTime(seconds));
        let date = std::str::from_utf8(&date).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        prop_assert_eq!(httpdate::parse_http_date(date).unwrap(), time);
        prop_assert_eq!(date, httpdate::fmt_http_date(time));
    }

    #[test]
    fn no_field_breaks_a_reply_head(
        fields in vec(
            (
                prop_oneof![token(), any::<String>(), Just("A\r\nB".into()), Just(String::new())],
                prop_oneof![
                    field_value(),
                    vec(any::<u8>(), 0..40),
                    "[\r\n: a\0]{0,12}".prop_map(String::into_bytes),
                ],
            ),
            0..8,
        ),
        length in prop_oneof![any::<u64>().prop_map(Length::Exact), Just(Length::Unknown)],
    ) {
        let mut connection = connection(GET);
        let mut output = vec![0; 8192];
        let mut cursor = Cursor::new(&mut output);
        let sender = connection.reply();
        sender.emit_status(Status::OK, None, &mut cursor).unwrap();
        let mut expected = vec![b"HTTP/1.1 200 OK".to_vec()];
        for (name, value) in &fields {
            match sender.emit_field(name, &[value], &mut cursor) {
                Ok(()) => expected.push([name.as_bytes(), b": ", value].concat()),
                Err(error) => {
                    prop_assert!(matches!(error, EmitError::Field | EmitError::FramingField));
                }
            }
        }
        sender.emit_end_of_head(length, &mut cursor).unwrap();
        let end = cursor.written().unwrap();
        expected.push(match length {
            Length::Exact(length) => format!("Content-Length: {length}").into_bytes(),
            Length::Unknown => b"Transfer-Encoding: chunked".to_vec(),
        });

        let lines = lines(output[..end].strip_suffix(b"\r\n\r\n").unwrap());
        prop_assert_eq!(&lines, &expected);
        // Nor where a careless reader takes something else for the end of a line.
        let is_end = |octet: &u8| b"\r\n\0".contains(octet);
        prop_assert!(!lines.iter().flatten().any(is_end), "{}", output.escape_ascii());
    }

    #[test]
    fn valid_fields_are_emitted(name in "X-[a-z]{0,8}", value in field_value()) {
        let mut connection = connection(GET);
        let mut output = [0; 256];
        let mut cursor = Cursor::new(&mut output);
        let sender = connection.reply();
        sender.emit_status(Status::OK, None, &mut cursor).unwrap();
        let start = cursor.written().unwrap();
        sender.emit_field(&name, &[&value], &mut cursor).unwrap();
        let end = cursor.written().unwrap();
        let line = [name.as_bytes(), b": ", &value, b"\r\n"].concat();
        prop_assert_eq!(&output[start..end], &line[..]);
    }
}
