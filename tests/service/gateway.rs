//! What core makes of requests for programs and of programs' replies (RFC 3875), in memory.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use thimble_core::gateway::{HeadError, Outgoing, ReplyHead, Request, redirect, redirect_room};
use thimble_core::server::{Answer, Driver, Exchange, Service, Transport};
use thimble_core::{Head, Limits, Status};
use thimble_tests::memory::{FixedClock, NOW, Served, Then, Wire};

/// The variables of a request for `/bin/it`, which comes from one address to another.
fn variables(octets: &[u8]) -> BTreeMap<String, String> {
    let head = Head::parse(octets).unwrap();
    let mut request = Request::new(&head, b"/bin/it", b"/a b");
    request.root = b"/srv";
    request.file = b"/srv/bin/it";
    request.content_length = Some(7);
    request.peer = Some("[::ffff:192.0.2.1]:99".parse::<SocketAddr>().unwrap());
    request.local = Some("[2001:db8::1]:8080".parse::<SocketAddr>().unwrap());
    let mut buffer = vec![0; request.room()];
    let all = request.variables(&mut buffer).map(Result::unwrap);
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let mut found = BTreeMap::new();
    for (name, value) in all {
        assert_eq!(found.insert(name.to_owned(), text(value)), None, "{name} is there twice");
    }
    found
}

#[test]
fn variables_are_those_of_the_rfc() {
    let head = "POST http://h.example:99/bin/it/a%20b?q=%20 HTTP/1.1\r\nHost: other\r\n\
        Content-Type: a/b\r\nContent-Length: 7\r\nX-Two: 1\r\nx-two: 2\r\nX-Bytes: \u{fc}\r\n\
        Cookie: a=1\r\nCookie: b=2\r\nX-Empty:\r\nProxy: x\r\nAuthorization: x\r\nX_Two: x\r\n\
        Connection: close, X-Hop\r\nX-Hop: x\r\nKeep-Alive: x\r\nUpgrade: x\r\n\r\n";
    let found = variables(head.as_bytes());
    for (name, value, section) in [
        ("CONTENT_LENGTH", "7", "4.1.2"),
        ("CONTENT_TYPE", "a/b", "4.1.3"),
        ("GATEWAY_INTERFACE", "CGI/1.1", "4.1.4"),
        ("PATH_INFO", "/a b", "4.1.5"),
        ("PATH_TRANSLATED", "/srv/a b", "4.1.6"),
        ("QUERY_STRING", "q=%20", "4.1.7"),
        ("REMOTE_ADDR", "192.0.2.1", "4.1.8"),
        ("REMOTE_HOST", "192.0.2.1", "4.1.9"),
        ("REQUEST_METHOD", "POST", "4.1.12"),
        ("SCRIPT_NAME", "/bin/it", "4.1.13"),
        ("SERVER_NAME", "h.example", "4.1.14"),
        ("SERVER_PORT", "8080", "4.1.15"),
        ("SERVER_PROTOCOL", "HTTP/1.1", "4.1.16"),
        ("SERVER_SOFTWARE", concat!("Thimble/", env!("CARGO_PKG_VERSION")), "4.1.17"),
        ("HTTP_X_TWO", "1, 2", "4.1.18"),
        ("HTTP_X_BYTES", "\u{fc}", "4.1.18"),
        ("HTTP_COOKIE", "a=1; b=2", "4.1.18"),
        ("HTTP_X_EMPTY", "", "4.1.18"),
        ("HTTP_HOST", "h.example:99", "4.1.18"),
    ] {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}, RFC 3875 §{section}");
    }
    let fields = found.keys().filter(|name| name.starts_with("HTTP_")).count();
    assert_eq!(fields, 5, "{found:?}");
    for name in ["AUTH_TYPE", "REMOTE_IDENT", "REMOTE_USER", "HTTPS"] {
        assert_eq!(found.get(name), None, "{name}");
    }
}

#[test]
fn a_buffer_that_is_too_small_is_an_error_and_the_end() {
    let head =
        Head::parse(b"GET /bin/it?q HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\n\r\n").unwrap();
    let request = Request::new(&head, b"/bin/it", b"");
    let mut whole = vec![0; request.room()];
    let all = request.variables(&mut whole).count();
    let mut errors = 0;
    for room in 0..request.room() {
        let mut buffer = vec![0; room];
        let found: Vec<_> = request.variables(&mut buffer).collect();
        let is_whole = found.iter().all(Result::is_ok);
        assert!(is_whole == (found.len() == all && found.last().unwrap().is_ok()), "{room}");
        errors += usize::from(!is_whole);
    }
    assert!(errors > 10);
}

/// Sends what a script has said; a local redirect is answered by another service.
struct Script(&'static str);

struct Other;

impl Service for Other {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match exchange.segments() {
            ["sm\u{e4}ll", ""] => Ok(exchange.respond(Status::OK).text("small\n")),
            ["stream"] => {
                let mut out = exchange.respond(Status::OK).stream();
                for _ in 0..300 {
                    out.queue(b"some of it, ").await?;
                }
                out.finish()
            }
            ["to", "next" | ""] => {
                Ok(exchange.respond(Status::OK).field("Location", "next?a").empty())
            }
            ["form"] => {
                let (form, respond) = exchange.form().await?;
                let count = form.iter().count().to_string();
                respond.status(Status::OK).send(count.as_bytes()).await
            }
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("not found\n")),
        }
    }
}

impl Service for Script {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let sent = exchange.head();
        let (body, mut respond) = exchange.open().await?;
        let (head, content) = ReplyHead::parse(self.0.as_bytes()).unwrap().unwrap();
        let Some(target) = head.local_redirect() else {
            let mut out = Outgoing::begin(&head, respond);
            out.queue(content).await?;
            out.probe().await?;
            return out.finish();
        };
        let mut octets = vec![0; redirect_room(sent, target.as_str())];
        let head = Head::parse(redirect(sent, target, &mut octets).unwrap()).unwrap();
        respond.probe().await?;
        let mut scratch = [0; 64];
        respond.forward(body, &Other, &head, &mut scratch).await
    }
}

/// What is sent in reply, in pieces of each size.
fn reply(output: &'static str, request: &str) -> String {
    let mut replies = Vec::new();
    for size in [1, 7, 9999] {
        let server = Driver::new(Script(output), FixedClock(Some(NOW)), Limits::DEVICE);
        let (mut rx, mut tx) = (vec![0; 8192], vec![0; 1024]);
        let pieces: Vec<_> = request.as_bytes().chunks(size).collect();
        let mut wire = Wire::new(&pieces, Then::Wait);
        let ended = wire.serve(&server, &mut rx, &mut tx).unwrap();
        let is_cut = matches!(ended, Served::Cut);
        replies.push((String::from_utf8_lossy(wire.output()).into_owned(), is_cut));
    }
    replies.dedup();
    assert_eq!(replies.len(), 1, "{replies:?}");
    let (text, is_cut) = replies.remove(0);
    if is_cut { text + "CUT" } else { text }
}

#[test]
fn replies_are_as_long_as_they_say() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (output, request, status, end) in [
        ("Content-Type: a/b\n\nbody", get, "200 OK", "\r\n\r\n0004\r\nbody\r\n00\r\n\r\n"),
        ("Content-Type: a/b\n\nbody", old, "200 OK", "\r\n\r\nbody"),
        ("Content-Type: a/b\n\nbody", head, "200 OK", "chunked\r\n\r\n"),
        ("Content-Length: 3\nStatus: 299 x\n\nbody", get, "299 ", "Content-Length: 3\r\n\r\nbod"),
        ("Content-Length: 5\nStatus: 200\n\nbody", get, "200 OK", "\r\n\r\nbodyCUT"),
        ("Content-Length: 5\nStatus: 200\n\nbody", head, "200 OK", "Content-Length: 5\r\n\r\n"),
        ("Status: 204\nContent-Length: 5\n\nbody", get, "204 No Content", "\r\n\r\n"),
        ("Status: 304\nContent-Length: 5\n\nbody", get, "304 Not Modified", "\r\n\r\n"),
        ("Status: 205\n\nbody", get, "205 Reset Content", "Content-Length: 0\r\n\r\n"),
    ] {
        let text = reply(output, request);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{output}: {text}");
        assert!(text.ends_with(end), "{output}, {request}: {text}");
    }
}

/// RFC 3875 §6.3.2, RFC 9110 §10.2.2: Location is a URI-reference.
#[test]
fn a_location_that_leads_nowhere_is_no_reply() {
    for location in ["", " ", "/a b", "http://a/\tb", "/a\u{e4}", "/%4", "\"/a\"", "<http://a/>"] {
        for others in ["", "Status: 303\n", "Content-Type: a/b\n"] {
            let output = format!("{others}Location: {location}\n\n");
            let error = ReplyHead::parse(output.as_bytes()).map(drop);
            assert_eq!(error, Err(HeadError::Location), "{output:?}");
        }
    }
    for location in ["/a", "a", "?b", "#c", "//a/b", "http://[::1]/a%20b?c=%#d", "mailto:a@b"] {
        let output = format!("Status: 303\nLocation: {location}\n\n");
        let (head, _) = ReplyHead::parse(output.as_bytes()).unwrap().unwrap();
        assert_eq!(head.fields().next().unwrap().value, location.as_bytes());
    }
}

/// RFC 3875 §6.2.2. 100 (Continue) is sent first: it asks the client whether it is there.
#[test]
fn another_service_answers_a_local_redirect() {
    const INTERIM: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b";
    let next = "GET /b HTTP/1.0\r\n\r\n";
    for (output, status, end) in [
        ("Location: /sm%C3%A4ll/\n\n", 200, "small\n"),
        ("Location: /none\n\n", 404, "not found\n"),
        ("Location: /stream\n\n", 200, "0\r\n\r\n"),
        // There is no form any more.
        ("Location: /form\n\n", 415, "\n"),
    ] {
        let text = reply(output, post);
        let (interim, text) = text.split_at(INTERIM.len());
        assert_eq!(interim, INTERIM);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{output}: {text}");
        assert!(text.ends_with(end), "{output}: {text}");
        // The connection goes on, behind the content that nobody has read.
        let both = reply(output, &format!("{post}{next}"));
        assert_eq!(both.matches(" 100 Continue").count(), 1, "there is none in HTTP/1.0");
        assert_eq!(both.matches(&format!("HTTP/1.1 {status} ")).count(), 2, "{both}");
    }
    // RFC 9110 §10.2.2: a relative reference is relative to the URL that the client has asked for.
    for (output, location) in
        [("Location: /to/next\n\n", "/to/next?a"), ("Location: /t%6f/?query\n\n", "/t%6f/next?a")]
    {
        let text = reply(output, &format!("{post}{next}"));
        let line = format!("\r\nLocation: {location}\r\n");
        assert_eq!(text.matches(&line).count(), 2, "{text}");
        assert_eq!(text.matches("\r\nContent-Length: 0\r\n").count(), 2, "{text}");
    }
    let head = reply("Location: /stream\n\n", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.ends_with("chunked\r\n\r\n"), "{head}");
}
