//! What handlers say, and what becomes of it: fields once, failures told, connections closed.

use thimble_core::server::{Answer, Driver, Error, Exchange, Service, Transport};
use thimble_core::{Limits, Status};
use thimble_tests::memory::{FixedClock, Then, Wire};

/// Answers as the path says.
struct Handlers;

impl Service for Handlers {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let [name] = exchange.segments() else { return Ok(exchange.respond(Status::OK).empty()) };
        let reply = |exchange: Exchange<'c, T>| exchange.respond(Status::OK);
        Ok(match *name {
            "text" => reply(exchange).text("{}"),
            "typed" => reply(exchange).content_type("text/x").text("{}"),
            "field" => reply(exchange).field("content-TYPE", "text/x").html("{}"),
            "json" => reply(exchange).json(b"{}"),
            "problem" => reply(exchange).content_type("application/problem+json").json(b"{}"),
            "close" => reply(exchange).close().text("{}"),
            "twice" => reply(exchange).content_type("a/b").content_type("c/d").text("{}"),
            "connection" => reply(exchange).field("Connection", "close").text("{}"),
            "length" => reply(exchange).field("content-length", "3").text("{}"),
            "crlf" => reply(exchange).field("X", "a\r\nY: b").text("{}"),
            "location" => exchange.see_other("/\r\nY: b"),
            "token" => reply(exchange).field("X Y", "a").text("{}"),
            "no-content" => exchange.respond(Status::NO_CONTENT).text("{}"),
            "large" => reply(exchange).field("X", &"x".repeat(2000)).text("{}"),
            "short" => reply(exchange).stream_exact(3).finish()?,
            "own" => exchange.fail(&"the valve is stuck"),
            _ => return Err(Error::Application(&"nobody thought of that")),
        })
    }
}

/// The reply to a request for `path`, whether the connection goes on after it, and what failed.
fn ask(path: &str) -> (String, bool, Vec<String>) {
    let server = Driver::new(Handlers, FixedClock(None), Limits::DEVICE);
    let (mut rx, mut tx) = ([0; 4096], [0; 1024]);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let pieces = [request.as_bytes()];
    let mut wire = Wire::new(&pieces, Then::Wait);
    let ended = wire.serve(&server, &mut rx, &mut tx);
    let reply = String::from_utf8_lossy(wire.output()).into_owned();
    (reply, ended == Ok(thimble_tests::memory::Served::Waited), wire.failures().to_vec())
}

#[test]
fn a_reply_has_one_content_type() {
    for (path, expected) in [
        ("text", "text/plain; charset=utf-8"),
        ("typed", "text/x"),
        ("field", "text/x"),
        ("json", "application/json"),
        ("problem", "application/problem+json"),
    ] {
        let (reply, _, failures) = ask(path);
        let lower = reply.to_ascii_lowercase();
        assert_eq!(lower.matches("content-type:").count(), 1, "{path}: {reply}");
        assert!(lower.contains(&format!("content-type: {expected}\r\n")), "{path}: {reply}");
        assert!(reply.ends_with("\r\n\r\n{}"), "{path}: {reply}");
        assert_eq!(failures, Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_reply_can_close_its_connection() {
    let (reply, goes_on, _) = ask("close");
    assert!(reply.contains("\r\nConnection: close\r\n") && !goes_on, "{reply}");
    let (reply, goes_on, _) = ask("text");
    assert!(!reply.contains("Connection:") && goes_on, "{reply}");
}

#[test]
fn failures_of_the_application_are_500_and_told() {
    for (path, message) in [
        ("twice", "the reply has two Content-Type fields"),
        ("connection", "are not for the application to set"),
        ("length", "are not for the application to set"),
        ("crlf", "a field value holds CR, LF"),
        ("location", "a field value holds CR, LF"),
        ("token", "a field name is no token"),
        ("no-content", "the status allows no content"),
        ("large", "the transmit buffer is too small"),
        ("own", "the valve is stuck"),
        ("other", "nobody thought of that"),
    ] {
        let (reply, goes_on, failures) = ask(path);
        assert!(reply.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{path}: {reply}");
        assert_eq!(reply.matches("HTTP/1.1").count(), 1, "{path}: {reply}");
        assert!(!reply.contains(message), "{path}: {reply}");
        assert!(goes_on, "{path}: what is known to be whole needn't end the connection");
        let [failure] = &failures[..] else { panic!("{path}: {failures:?}") };
        assert!(failure.contains(message), "{path}: {failure}");
    }
}

#[test]
fn a_reply_that_is_shorter_than_declared_is_told() {
    let (reply, goes_on, failures) = ask("short");
    assert!(reply.starts_with("HTTP/1.1 500 ") && goes_on, "{reply}");
    assert_eq!(failures, ["the content is longer or shorter than declared"]);
}
