//! What httparse and we both accept, we read alike. What only one of us accepts is on a list here,
//! with the section that says why.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a failure here is the test's failure")]

mod near_heads;

use std::collections::BTreeSet;

use near_heads::near_head;
use proptest::prelude::*;
use thimble_core::message::facts::{ConnectionOption, Expect, Facts, TransferEncoding};
use thimble_core::message::reader::HeadLimits;
use thimble_core::message::{FieldEntry, Head, HeadReader, ParseError, Version};
use thimble_tests::cases;
use thimble_tests::heads::{FIELDS, Random, changed, shapes};

/// httparse limits nothing but the field lines.
const LIMITS: HeadLimits =
    HeadLimits { request_line: 1 << 24, field_section: 1 << 24, fields: FIELDS };

/// What only one of the two accepts.
struct Difference {
    /// What is special about it.
    what: &'static str,
    /// The section that forbids it; or, of what only we accept, asks for it.
    section: &'static str,
    /// Our verdict on it.
    verdict: Option<ParseError>,
    /// Whether a head is of this kind.
    applies: fn(&[u8]) -> bool,
    /// A head that is.
    example: &'static [u8],
}

const ONLY_HTTPARSE: &[Difference] = &[
    Difference {
        what: "a line that ends with LF alone, which MAY be taken for CRLF",
        section: "9112 §2.2",
        verdict: Some(ParseError::Octet),
        applies: |head| lines(head).any(|line| !line.ends_with(b"\r")),
        example: b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    },
    Difference {
        what: "a target with octets that no URI has",
        section: "9112 §3.2, 3986 §2",
        verdict: Some(ParseError::RequestTarget),
        applies: |head| {
            target(head)
                .iter()
                .any(|octet| !(b'!'..=b'~').contains(octet) || b"\"#<>".contains(octet))
        },
        example: b"GET /<b> HTTP/1.1\r\nHost: a\r\n\r\n",
    },
    Difference {
        what: "a target with a percent sign that no two hexadecimal digits follow",
        section: "3986 §2.1",
        verdict: Some(ParseError::RequestTarget),
        applies: |head| {
            let is_hex = |octet: &u8| octet.is_ascii_hexdigit();
            let mut after = target(head).split(|&octet| octet == b'%').skip(1);
            after.any(|text| text.iter().take(2).filter(|octet| is_hex(octet)).count() < 2)
        },
        example: b"GET /100%/a HTTP/1.1\r\nHost: a\r\n\r\n",
    },
    Difference {
        what: "a target of none of the four forms, or of one that its method can't have",
        section: "9112 §3.2",
        verdict: Some(ParseError::RequestTarget),
        applies: |head| {
            let connects = head.starts_with(b"CONNECT ");
            !target(head).starts_with(b"/") || connects
        },
        example: b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    },
    Difference {
        what: "an https target, over what is not TLS",
        section: "9110 §7.4",
        verdict: Some(ParseError::Misdirected),
        applies: |head| target(head).to_ascii_lowercase().starts_with(b"https:"),
        example: b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    },
    Difference {
        what: "HTTP/1.1 without Host",
        section: "9112 §3.2",
        verdict: Some(ParseError::NoHost),
        applies: |head| hosts(head).is_empty(),
        example: b"GET / HTTP/1.1\r\n\r\n",
    },
    Difference {
        what: "Host more than once",
        section: "9112 §3.2",
        verdict: Some(ParseError::Host),
        applies: |head| hosts(head).len() > 1,
        example: b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    },
    Difference {
        what: "an empty Host, which an http URI can't have",
        section: "9110 §4.2.1",
        verdict: Some(ParseError::Host),
        applies: |head| hosts(head) == [b""],
        example: b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    },
    Difference {
        what: "a Host that is no uri-host with an optional port",
        section: "9110 §7.2",
        verdict: Some(ParseError::Host),
        applies: |head| {
            hosts(head)
                .concat()
                .iter()
                .any(|octet| !octet.is_ascii_alphanumeric() && !b".-".contains(octet))
        },
        example: b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    },
];

const ONLY_US: &[Difference] = &[Difference {
    what: "a later minor version than 1, which is read as 1.1",
    section: "9110 §2.5",
    verdict: None,
    applies: |head| {
        lines(head).next().is_some_and(|line| matches!(line, [.., b'1', b'.', b'2'..=b'9', b'\r']))
    },
    example: b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
}];

/// Lines without their LF, up to the empty one.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.split_inclusive(|&octet| octet == b'\n');
    lines.map_while(|line| line.strip_suffix(b"\n"))
}

fn target(head: &[u8]) -> &[u8] {
    head.split(|&octet| octet == b' ').nth(1).unwrap_or_default()
}

fn hosts(head: &[u8]) -> Vec<&[u8]> {
    let value = |line: &'_ [u8]| line[..5.min(line.len())].eq_ignore_ascii_case(b"host:");
    lines(head).filter(|line| value(line)).map(|line| line[5..].trim_ascii()).collect()
}

/// What a parser makes of a head.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    length: usize,
    method: String,
    target: String,
    version: Version,
    fields: Vec<(String, Vec<u8>)>,
    facts: Noted,
}

/// What is said about framing and connection, as the plainest reading of the fields has it.
#[derive(Debug, PartialEq, Eq)]
struct Noted {
    /// `None`, too, when it is no number of 64 bits, or there are several.
    content_length: Option<u64>,
    /// What is there, or among the options of Connection.
    has: Vec<&'static str>,
}

fn those_that_hold(known: [(&'static str, bool); 5]) -> Vec<&'static str> {
    known.into_iter().filter(|&(_, holds)| holds).map(|(name, _)| name).collect()
}

impl Noted {
    fn by_us(facts: &Facts) -> Self {
        Self {
            content_length: facts.content_length().valid(),
            has: those_that_hold([
                ("transfer-encoding", facts.transfer_encoding != TransferEncoding::Absent),
                ("close", facts.connection == ConnectionOption::Close),
                ("keep-alive", facts.connection == ConnectionOption::KeepAlive),
                ("expect", facts.expect != Expect::Nothing),
                ("upgrade", facts.upgrade),
            ]),
        }
    }

    fn by_httparse(fields: &[httparse::Header<'_>]) -> Self {
        let all = |name: &str| -> Vec<String> {
            let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            lines.map(|field| String::from_utf8_lossy(field.value).to_ascii_lowercase()).collect()
        };
        let members = |name| -> Vec<String> {
            let values = all(name).join(",");
            let members = values.split(',').map(|member| member.trim_matches([' ', '\t']));
            members.filter(|member| !member.is_empty()).map(str::to_owned).collect()
        };
        let length = match &all("content-length")[..] {
            [length] if length.bytes().all(|octet| octet.is_ascii_digit()) => length.parse().ok(),
            _ => None,
        };
        let has_option = |option: &str| members("connection").iter().any(|other| other == option);
        Self {
            content_length: length,
            has: those_that_hold([
                ("transfer-encoding", !all("transfer-encoding").is_empty()),
                ("close", has_option("close")),
                ("keep-alive", has_option("keep-alive") && !has_option("close")),
                ("expect", !members("expect").is_empty()),
                ("upgrade", !all("upgrade").is_empty()),
            ]),
        }
    }
}

/// `None` when more has to come.
fn by_us(input: &[u8]) -> Result<Option<Parsed>, ParseError> {
    let mut table = [FieldEntry::default(); FIELDS];
    let mut reader = HeadReader::default();
    let Some(length) = reader.resume(input, &LIMITS, &mut table)? else { return Ok(None) };
    let head = Head::new(&input[..length], &reader, &table)?;
    // What is left of a target after its form is known says less than the line itself.
    let target = lines(input).next().and_then(|line| line.split(|&octet| octet == b' ').nth(1));
    Ok(Some(Parsed {
        length,
        method: head.method().as_str().to_owned(),
        target: String::from_utf8_lossy(target.unwrap_or_default()).into_owned(),
        version: head.version(),
        fields: head.fields().iter().map(|line| (line.name.into(), line.value.into())).collect(),
        facts: Noted::by_us(head.facts()),
    }))
}

fn by_httparse(input: &[u8]) -> Result<Option<Parsed>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = request.parse(input)? else { return Ok(None) };
    let version = if request.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let fields = request.headers.iter().map(|field| (field.name.into(), field.value.into()));
    Ok(Some(Parsed {
        length,
        method: request.method.unwrap_or_default().into(),
        target: request.path.unwrap_or_default().into(),
        version,
        fields: fields.collect(),
        facts: Noted::by_httparse(request.headers),
    }))
}

/// Compares the two. Returns which entry of the two lists explains a difference, if there is one.
fn compare(input: &[u8]) -> Option<&'static str> {
    // Who reads heads one after the other skips them; httparse does it itself.
    let mut input = input;
    while let Some(rest) = input.strip_prefix(b"\r\n") {
        input = rest;
    }
    let shown = || input.escape_ascii();
    let explained = |list: &'static [Difference], length: usize, verdict: Option<ParseError>| {
        let head = &input[..length];
        list.iter().find(|entry| entry.verdict == verdict && (entry.applies)(head))
    };
    match (by_us(input), by_httparse(input)) {
        (Ok(Some(ours)), Ok(Some(theirs))) => {
            assert_eq!(ours, theirs, "{}", shown());
            None
        }
        (Ok(Some(ours)), theirs) => {
            let entry = explained(ONLY_US, ours.length, None);
            let entry = entry.unwrap_or_else(|| panic!("httparse: {theirs:?}, {}", shown()));
            Some(entry.what)
        }
        (ours, Ok(Some(theirs))) => {
            let entry = explained(ONLY_HTTPARSE, theirs.length, ours.as_ref().err().copied());
            let entry = entry.unwrap_or_else(|| panic!("we: {ours:?}, {}", shown()));
            Some(entry.what)
        }
        _ => None,
    }
}

#[test]
fn each_entry_is_a_difference() {
    for entry in ONLY_HTTPARSE.iter().chain(ONLY_US) {
        assert_eq!(compare(entry.example), Some(entry.what), "{}", entry.section);
        assert!((entry.applies)(entry.example) && by_us(entry.example).err() == entry.verdict);
    }
    assert!(ONLY_HTTPARSE.iter().all(|entry| by_httparse(entry.example).is_ok()));
    assert!(ONLY_US.iter().all(|entry| by_httparse(entry.example).is_err()));
}

#[test]
fn rows_of_the_case_tables() {
    for case in cases::all().unwrap_or_else(|fault| panic!("{fault}")) {
        compare(&case.send);
    }
}

#[test]
fn shapes_and_small_changes_of_them() {
    let mut random = Random::new(5);
    let mut seen = BTreeSet::new();
    for shape in shapes() {
        assert!(shape.heads.iter().all(
            |head| compare(head).is_none() && by_us(head).is_ok_and(|parsed| parsed.is_some())
        ));
        for head in shape.heads.iter().cycle().take(5000) {
            seen.extend(compare(&changed(head, &mut random)));
        }
    }
    // The changes are of a kind that finds differences.
    assert!(seen.len() >= 4, "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_nearly_a_head(input in near_head()) {
        compare(&input);
    }
}
