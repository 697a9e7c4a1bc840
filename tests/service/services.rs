//! Services around services: fields that are added to whatever reply comes, who may come in, which
//! sites may read, and what an outer service sees.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::RefCell;

use thimble_core::message::Refusal;
use thimble_core::server::{Answer, Driver, Error, Exchange, Service, Transport};
use thimble_core::service::layers::{Cors, Guard, Watch};
use thimble_core::{Limits, Method, Status};
use thimble_tests::memory::{FixedClock, NOW, Served, Then, Wire};

const NOT_NOW: &Refusal = &Refusal::new(Status::CONFLICT, "not now");

/// Answers as the path says, in each way there is.
struct Inner;

impl Service for Inner {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let [name, ..] = exchange.segments() else { return Ok(exchange.allow(&[Method::Get])) };
        match *name {
            "text" => Ok(exchange.respond(Status::OK).field("X-Own", "1").text("text")),
            "large" => Ok(exchange.respond(Status::OK).content(&[b'x'; 3000])),
            "stream" => {
                let mut out = exchange.respond(Status::OK).stream();
                for _ in 0..100 {
                    out.queue(b"some more of it, ").await?;
                }
                out.finish()
            }
            "same" => Ok(exchange.respond(Status::NOT_MODIFIED).empty()),
            "other" => Ok(exchange.see_other("/text")),
            "form" => {
                let (_, respond) = exchange.form().await?;
                Ok(respond.status(Status::OK).text("form"))
            }
            "refused" => Err(Error::Refused(NOT_NOW)),
            "wrong" => Ok(exchange.respond(Status::OK).field("Date", "now").text("text")),
            "failed" => Err(Error::Application(&"the pump is off")),
            "late" => {
                let mut out = exchange.respond(Status::OK).stream_exact(10);
                out.queue(b"12345").await?;
                out.finish()
            }
            _ => Ok(exchange.refuse(Refusal::new(Status::NOT_FOUND, "nothing here"))),
        }
    }
}

/// Adds fields.
struct Adds<S>(S, &'static [(&'static str, &'static str)]);

impl<S: Service> Service for Adds<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        self.0.call(exchange.with_fields(self.1)).await
    }
}

const OUTER: &[(&str, &str)] = &[("X-A", "1"), ("X-B", "2")];
const INNER: &[(&str, &str)] = &[("X-C", "a value that is rather long, as values of policies are")];

/// What is sent in reply to `request`, in pieces of `size`, through a transmit buffer of `room`.
fn exchange(service: &impl Service, request: &[u8], size: usize, room: usize) -> (String, Served) {
    let server = Driver::new(service, FixedClock(Some(NOW)), Limits::DEVICE);
    let (mut rx, mut tx) = (vec![0; 8192], vec![0; room]);
    let pieces: Vec<_> = request.chunks(size).collect();
    let mut wire = Wire::new(&pieces, Then::Wait);
    let ended = wire.serve(&server, &mut rx, &mut tx).unwrap();
    (String::from_utf8_lossy(wire.output()).into_owned(), ended)
}

fn ask(service: &impl Service, line: &str, fields: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    exchange(service, request.as_bytes(), 9999, 1024).0
}

const REQUESTS: [(&str, u16); 15] = [
    ("GET /text", 200),
    ("HEAD /text", 200),
    ("GET /t%65xt", 200),
    ("GET /large", 200),
    ("GET /stream", 200),
    ("GET /same", 304),
    ("GET /other", 303),
    ("POST /form", 415),
    ("GET /refused", 409),
    ("GET /r%65fused", 409),
    ("GET /w%72ong", 500),
    ("GET /wrong", 500),
    ("GET /failed", 500),
    ("GET /late", 500),
    ("GET /nothing", 404),
];

#[test]
fn added_fields_are_in_every_reply() {
    let service = Adds(Adds(Inner, INNER), OUTER);
    for (line, status) in REQUESTS {
        let reply = ask(&service, line, "");
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {reply}");
        let (head, _) = reply.split_once("\r\n\r\n").unwrap();
        let added: Vec<_> = head
            .lines()
            .filter(|line| ["X-A", "X-B", "X-C"].iter().any(|name| line.starts_with(name)))
            .collect();
        let first = format!("X-C: {}", INNER[0].1);
        assert_eq!(added, [first.as_str(), "X-A: 1", "X-B: 2"], "{line}: {reply}");
        let without = ask(&Inner, line, "");
        let others = |reply: &str| {
            let lines = reply
                .split_inclusive("\r\n")
                .filter(|line| !["X-A", "X-B", "X-C"].iter().any(|name| line.starts_with(name)));
            lines.collect::<String>()
        };
        // Chunks depend on what else the buffer holds.
        if line != "GET /stream" {
            assert_eq!(others(&reply), without, "{line}");
        }
    }
}

#[test]
fn added_fields_are_the_same_however_requests_come() {
    let service = Adds(Adds(Inner, INNER), OUTER);
    let lines = REQUESTS.iter().filter(|(line, _)| *line != "GET /stream");
    let requests: Vec<_> =
        lines.map(|(line, _)| format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()).collect();
    for room in [800, 1000, 1024, 2000, 5000] {
        let alone: Vec<_> =
            requests.iter().map(|request| exchange(&service, request, 9999, room).0).collect();
        assert!(alone.iter().all(|reply| reply.contains("\r\nX-B: 2\r\n")), "{room}");
        let (forth, back) = (requests.concat(), requests.iter().rev().cloned().collect::<Vec<_>>());
        for size in [1, 100, 9999] {
            assert_eq!(exchange(&service, &forth, size, room).0, alone.concat(), "{room}");
            let backwards: String = alone.iter().rev().cloned().collect();
            assert_eq!(exchange(&service, &back.concat(), size, room).0, backwards, "{room}");
        }
    }
}

#[test]
fn what_cannot_be_added_is_500() {
    for field in [
        ("Connection", "close"),
        ("X Y", "a"),
        ("X", "a\r\nY: b"),
        ("Content-Type", "a/b"),
        (
            "X",
            "a value that is longer than a quarter of the buffer has room for, and so on and on \
               and on and on and on and on and on and on and on and on and on and on and on and on \
               and on and on and on and on and on and on and on and on and on and on and on and on",
        ),
    ] {
        let fields: &'static _ = Box::leak(Box::new([field]));
        let reply = ask(&Adds(Adds(Inner, fields), OUTER), "GET /text", "");
        assert!(reply.starts_with("HTTP/1.1 500 "), "{reply}");
        assert!(reply.contains("\r\nX-A: 1\r\nX-B: 2\r\n") && !reply.contains("Y: b"), "{reply}");
    }
}

#[test]
fn an_outer_service_sees_what_was_answered() {
    let seen = RefCell::new(Vec::new());
    let watched = Watch::new(Inner, |seen_now| {
        seen.borrow_mut().push((seen_now.status.code(), seen_now.length));
    });
    let expected = [4, 0, 4, 3000, 1700, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28];
    for ((line, status), length) in REQUESTS.into_iter().zip(expected) {
        let reply = ask(&watched, line, "");
        assert_eq!(seen.take(), [(status, length)], "{line}: {reply}");
    }
}

#[test]
fn a_guard_refuses_before_the_service_is_asked() {
    let by_head = Guard::new(Inner, |asked| {
        assert_eq!((asked.peer, asked.is_secure), (None, false));
        asked.head.fields().only("Authorization") == Some(b"Basic QWRhOnNlY3JldA==")
    });
    assert!(ask(&by_head, "GET /text", "").starts_with("HTTP/1.1 403 "));
    let asked = by_head.challenge("Basic realm=\"a\"");
    let reply = ask(&asked, "GET /text", "Authorization: Basic QWRhOnNlY3Jlda==\r\n");
    assert!(reply.starts_with("HTTP/1.1 401 "), "{reply}");
    assert!(reply.contains("\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"), "{reply}");
    let reply = ask(&asked, "GET /text", "Authorization: Basic QWRhOnNlY3JldA==\r\n");
    assert!(reply.ends_with("\r\n\r\ntext") && !reply.contains("WWW-"), "{reply}");
}

#[test]
fn a_guard_of_some_paths_knows_all_their_spellings() {
    let guarded = Guard::new(Inner, |_| false).below(&["a", "b"]);
    for (target, is_guarded) in [
        ("/a/b", true),
        ("/a/b/", true),
        ("/a/b/c", true),
        ("/%61/%62", true),
        ("/a/b?c", true),
        ("http://a/a/b", true),
        ("/a", false),
        ("/a/bc", false),
        ("/b/a/b", false),
        ("/text", false),
    ] {
        let reply = ask(&guarded, &format!("GET {target}"), "");
        assert_eq!(reply.starts_with("HTTP/1.1 403 "), is_guarded, "{target}: {reply}");
    }
}

#[test]
fn other_sites_may_read_what_they_are_allowed_to() {
    const PREFLIGHT: &str = "Origin: http://a.example\r\nAccess-Control-Request-Method: PUT\r\n";
    let some = Cors::new(Inner)
        .origins(&["http://a.example", "http://b.example"])
        .methods(&[Method::Get, Method::Put])
        .fields("Content-Type, X-Token")
        .max_age(600)
        .credentials();
    let reply = ask(&some, "OPTIONS /text", PREFLIGHT);
    assert!(reply.starts_with("HTTP/1.1 204 No Content\r\n"), "{reply}");
    for line in [
        "Access-Control-Allow-Methods: GET, HEAD, PUT, OPTIONS",
        "Access-Control-Allow-Headers: Content-Type, X-Token",
        "Access-Control-Max-Age: 600",
        "Access-Control-Allow-Origin: http://a.example",
        "Access-Control-Allow-Credentials: true",
        "Vary: Origin",
    ] {
        assert!(reply.contains(&format!("\r\n{line}\r\n")), "{line}: {reply}");
    }

    for (line, status) in REQUESTS {
        let reply = ask(&some, line, "Origin: http://b.example\r\n");
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {reply}");
        assert!(reply.contains("\r\nAccess-Control-Allow-Origin: http://b.example\r\n"), "{reply}");
        assert!(reply.contains("\r\nVary: Origin\r\n"), "{reply}");
    }
    for fields in [
        "",
        "Origin: http://c.example\r\n",
        "Origin: null\r\n",
        "Origin: http://a.example\r\nOrigin: http://a.example\r\n",
        "Origin: http://c.example\r\nAccess-Control-Request-Method: PUT\r\n",
    ] {
        for line in ["GET /text", "OPTIONS /"] {
            let reply = ask(&some, line, fields);
            assert!(!reply.contains("Access-Control-"), "{line} {fields}: {reply}");
            assert!(reply.contains("\r\nVary: Origin\r\n"), "{line} {fields}: {reply}");
        }
    }

    let all = Cors::new(Inner).credentials();
    let reply = ask(&all, "GET /text", "Origin: null\r\n");
    assert!(reply.contains("\r\nAccess-Control-Allow-Origin: *\r\n"), "{reply}");
    assert!(!reply.contains("Vary") && !reply.contains("Credentials"), "{reply}");
    // Without a question this is no preflight.
    let reply = ask(&all, "OPTIONS /", "Origin: http://a.example\r\n");
    assert!(reply.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"), "{reply}");
}
