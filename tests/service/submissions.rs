//! The page of submitted forms shows the same, whatever came before and behind the request for it.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::mem::replace;
use std::task::Poll;

use thimble_core::message::Refusal;
use thimble_core::server::Driver;
use thimble_core::service::{ReadError, Recall, Recalled, Ring, Site, Submission, Submissions};
use thimble_core::{Limits, Method, Status};
use thimble_tests::cases::transcript::{Reply, Transcript};
use thimble_tests::memory::{FixedClock, Fixture, NOW, Served, Then, Wire};

/// Octets of submissions that are kept: a record of a quarter of them needs half of the transmit
/// buffer.
const KEPT: usize = 2048;

/// The replies to `requests`, which arrive at once, on a connection as small as that of a device.
fn replies(ring: &RefCell<Ring<KEPT>>, requests: &str) -> Vec<Reply> {
    let site = Site::new(Fixture::load().unwrap()).submissions(ring).show_submissions(Some(ring));
    let server = Driver::new(site, FixedClock(Some(NOW)), Limits::DEVICE);
    let pieces = [requests.as_bytes()];
    let mut wire = Wire::new(&pieces, Then::Wait);
    let (mut rx, mut tx) = (vec![0; 4096], vec![0; 1024]);
    let ended = wire.serve(&server, &mut rx, &mut tx).unwrap();
    assert_ne!(ended, Served::Cut);
    Transcript::read(wire.output(), wire.to_head(), ended == Served::Closed).unwrap().replies
}

fn request(method: Method<'_>, target: &str, field: &str) -> String {
    format!("{} {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n", method.as_str())
}

/// A ring in which a record is as long as it may be.
fn full() -> RefCell<Ring<KEPT>> {
    let ring = RefCell::new(Ring::new());
    let content = format!("a={}&b=1", "x".repeat(KEPT / 4 - 45));
    let form = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{content}",
        content.len()
    );
    assert_eq!(replies(&ring, &form.repeat(3)).len(), 3);
    ring
}

#[test]
fn whatever_stands_behind_the_request() {
    let ring = full();
    let get = request(Method::Get, "/submissions", "");
    let alone = replies(&ring, &get).remove(0);
    let text = String::from_utf8(alone.content.clone()).unwrap();
    assert_eq!(text.matches("<dt>a</dt>").count(), 3, "{text}");
    let other = request(Method::Get, "/nothing", "");
    for (before, behind) in [(0, 1), (1, 0), (3, 200), (20, 90), (0, 2000)] {
        let all = [other.repeat(before), get.clone(), other.repeat(behind)].concat();
        let replies = replies(&ring, &all);
        assert_eq!(replies.len(), before + 1 + behind);
        assert_eq!(replies.get(before), Some(&alone), "{before} before, {behind} behind");
    }
    let escaped = request(Method::Get, "/%73%75%62%6d%69%73%73%69%6f%6e%73", "");
    assert_eq!(replies(&ring, &escaped).remove(0), alone);
}

#[test]
fn preconditions_count() {
    let ring = full();
    for (field, status) in [
        ("If-Match: \"x\"\r\n", 412),
        ("If-Match: *\r\n", 200),
        ("If-None-Match: *\r\n", 304),
        ("If-None-Match: \"x\"\r\n", 200),
    ] {
        for method in [Method::Get, Method::Head] {
            let reply = replies(&ring, &request(method, "/submissions", field)).remove(0);
            assert_eq!(reply.status, status, "{method:?} {field}");
        }
    }
}

const FULL: Refusal =
    Refusal::with_field(Status::SERVICE_UNAVAILABLE, &("no room", "Retry-After", "7"));

/// Keeps two, each after a wait; shows one, and fails at the next.
#[derive(Default)]
struct Slow(Cell<u8>);

impl Submissions for Slow {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        let mut waited = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(submission.form.get("n"), Some("1"));
        if self.0.get() == 2 {
            return Err(FULL);
        }
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

impl Recall for Slow {
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        if age > 0 {
            return Err(ReadError);
        }
        into.begin("/form", None);
        into.field("n", "<1>");
        Ok(true)
    }
}

#[test]
fn a_store_may_wait_and_fail() {
    let store = Slow::default();
    let site =
        Site::new(Fixture::load().unwrap()).submissions(&store).show_submissions(Some(&store));
    let server = Driver::new(site, FixedClock(None), Limits::DEVICE);
    let ask = |request: &str| {
        let (mut rx, mut tx) = (vec![0; 8192], vec![0; 1024]);
        let pieces = [request.as_bytes()];
        let mut wire = Wire::new(&pieces, Then::Wait);
        let ended = wire.serve(&server, &mut rx, &mut tx).unwrap();
        (String::from_utf8_lossy(wire.output()).into_owned(), ended)
    };
    let form = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nn=1";
    for status in [200, 200, 503] {
        let (reply, ended) = ask(form);
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        assert_eq!(reply.contains("\r\nRetry-After: 7\r\n"), status == 503, "{reply}");
        assert_eq!(ended, Served::Waited, "{reply}");
    }
    // A page that would look whole, and isn't, has no end.
    let (reply, ended) = ask("GET /submissions HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!reply.contains("</main>") && !reply.ends_with("0\r\n\r\n"), "{reply}");
    assert_eq!(ended, Served::Cut);
}
