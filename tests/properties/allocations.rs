//! Serving through core allocates nothing.

use allocation_counter::measure;
use thimble_core::server::{Answer, Driver, Exchange, Service, Transport};
use thimble_core::{Limits, Status};
use thimble_tests::cases::replay::{Replay, TRANSMIT};
use thimble_tests::cases::{self, Root, Setting};
use thimble_tests::memory::{FixedClock, Fixture, Reads, Served, Then, Wire};

const FORM: &str = "POST / HTTP/1.1\r\nHost: a\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\nname=%3CAda%3E";
const CHUNKED: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    3;a=b\r\none\r\n4\r\nfour\r\n0\r\nC: d\r\n\r\n";

/// Each kind of request, and the status that answers it.
const KINDS: [(&str, &str, u16); 15] = [
    ("static file", "GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("static page", "GET /%73ub/?a=b HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("HEAD", "HEAD /picture.jpg HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ("HTTP/1.0", "GET /stream HTTP/1.0\r\n\r\n", 200),
    ("redirect", "GET /sub HTTP/1.1\r\nHost: a\r\n\r\n", 301),
    ("form", FORM, 200),
    ("echo", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200),
    ("chunked", CHUNKED, 200),
    ("unread content", "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200),
    ("nothing there", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    ("wrong method", "PUT /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", 405),
    ("no form", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", 415),
    ("expectation", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: all\r\nContent-Length: 1\r\n\r\na", 417),
    ("no request", "GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
    ("doubtful length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400),
];

/// Room for all that a server sends, reserved before it is measured.
fn wire<'s>(pieces: &'s [&'s [u8]], then: Then) -> Wire<'s> {
    Wire::over(pieces, then, Vec::with_capacity(1 << 20), Vec::with_capacity(1 << 10))
}

#[test]
fn no_kind_of_request_allocates() {
    let fixture = Fixture::load().unwrap();
    for reads in [Reads::Slice, Reads::Pieces(7)] {
        let mut replay = Replay::new(Setting::USUAL, fixture.reading(reads), TRANSMIT);
        for (kind, request, status) in KINDS {
            let pieces = [request.as_bytes()];
            let mut wire = wire(&pieces, Then::Wait);
            let counted = measure(|| {
                let _ = replay.serve(&mut wire);
            });
            let status_line = format!("HTTP/1.1 {status} ");
            assert!(wire.output().starts_with(status_line.as_bytes()), "{kind}");
            assert_eq!(counted.count_total, 0, "{kind}, {reads:?}: {counted:?}");
        }
    }
}

#[test]
fn pipelined_requests_allocate_nothing() {
    let fixture = Fixture::load().unwrap();
    let mut replay = Replay::new(Setting::USUAL, fixture, TRANSMIT);
    let stays_open = |status: u16, kind: &str| ![400, 417].contains(&status) && kind != "HTTP/1.0";
    let open = KINDS.iter().filter(|(kind, _, status)| stays_open(*status, kind));
    let send: Vec<&str> = open.map(|(_, request, _)| *request).collect();
    let (count, send) = (50 * send.len(), send.concat().repeat(50));
    for size in [send.len(), 100, 1] {
        let pieces: Vec<&[u8]> = send.as_bytes().chunks(size).collect();
        let mut wire = wire(&pieces, Then::Shut);
        let counted = measure(|| assert_eq!(replay.serve(&mut wire), Ok(Served::Waited)));
        assert_eq!(wire.to_head().len(), count);
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
}

#[test]
fn no_row_of_the_tables_allocates() {
    let fixtures = Root::ALL.map(|root| (root, Fixture::load_root(root).unwrap()));
    for case in cases::all().unwrap() {
        let (_, fixture) = fixtures.iter().find(|(root, _)| *root == case.setting.root).unwrap();
        let mut replay = Replay::new(case.setting, *fixture, TRANSMIT);
        let then = if case.shut { Then::Shut } else { Then::Wait };
        for size in [case.send.len().max(1), 1] {
            let pieces: Vec<&[u8]> = case.send.chunks(size).collect();
            let mut wire = wire(&pieces, then);
            let counted = measure(|| {
                let _ = replay.serve(&mut wire);
            });
            assert_eq!(counted.count_total, 0, "{}: {counted:?}", case.name);
        }
    }
}

/// A service that allocates once for each request.
struct Allocating;

impl Service for Allocating {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let text = exchange.target().path().to_owned();
        exchange.respond(Status::OK).send(text.as_bytes()).await
    }
}

#[test]
fn the_counter_counts() {
    let server = Driver::new(Allocating, FixedClock(None), Limits::DEVICE);
    let (mut rx, mut tx) = ([0; 8192], [0; 1024]);
    let pieces = ["GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3)];
    let pieces = pieces.each_ref().map(String::as_bytes);
    let mut wire = wire(&pieces, Then::Wait);
    let counted = measure(|| {
        let _ = wire.serve(&server, &mut rx, &mut tx);
    });
    assert_eq!((wire.to_head().len(), counted.count_total), (3, 3));
}
