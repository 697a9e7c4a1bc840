//! Files that come with forms: what a site decides about them, over a store in memory.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use thimble_core::message::Refusal;
use thimble_core::service::{Batch, Present, Site, Submission, Submissions, Uploads};
use thimble_core::testing::{Client, FormPart, Request};
use thimble_core::{Limits, Method, Status};
use thimble_tests::memory::Fixture;

const FULL: &Refusal = &Refusal::new(Status::INSUFFICIENT_STORAGE, "no room");

/// What was kept, by name; and how many octets there is room for.
#[derive(Clone, Default)]
struct Store(Rc<RefCell<Kept>>);

#[derive(Default)]
struct Kept {
    files: Vec<(String, Vec<u8>)>,
    /// What batches hold that may still go.
    pending: usize,
    is_off: bool,
}

struct Pending {
    store: Store,
    files: Vec<(String, Vec<u8>)>,
    names: String,
    is_accepted: bool,
}

impl Uploads for Store {
    type Keeps = Present;

    type Batch = Pending;

    fn begin(&self) -> Option<Pending> {
        let (files, names) = (Vec::new(), String::new());
        let is_on = !self.0.borrow().is_off;
        is_on.then(|| Pending { store: self.clone(), files, names, is_accepted: false })
    }

    fn folder(&self) -> Option<&[u8]> {
        Some(b"noindex")
    }
}

impl Batch for Pending {
    async fn create(&mut self, filename: &str) -> Result<(), &'static Refusal> {
        self.store.0.borrow_mut().pending += 1;
        self.files.push((format!("kept-{filename}"), Vec::new()));
        Ok(())
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), &'static Refusal> {
        let (_, content) = self.files.last_mut().ok_or(FULL)?;
        content.extend_from_slice(octets);
        if content.len() > 4000 { Err(FULL) } else { Ok(()) }
    }

    async fn keep(&mut self) -> Result<(), &'static Refusal> {
        self.names = self.files.iter().fold(String::new(), |names, (name, _)| names + name + "/");
        Ok(())
    }

    fn names(&self) -> &str {
        &self.names
    }

    fn accept(&mut self) {
        self.is_accepted = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut kept = self.store.0.borrow_mut();
        kept.pending -= self.files.len();
        if self.is_accepted {
            kept.files.append(&mut self.files);
        }
    }
}

/// What is submitted, a line for each form; one with a field `refuse` is refused.
#[derive(Default)]
struct Book(RefCell<Vec<String>>);

impl Submissions for Book {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        if submission.form.get("refuse").is_some() {
            return Err(Refusal::new(Status::SERVICE_UNAVAILABLE, "no"));
        }
        let fields = submission.fields().map(|(field, kept)| {
            let size = field.file.map(|file| file.size);
            format!("{}={} {size:?} {kept:?};", field.name, field.value)
        });
        self.0.borrow_mut().push(format!("{} {}", submission.path, fields.collect::<String>()));
        Ok(())
    }
}

fn fixture() -> Fixture {
    static LOADED: OnceLock<Fixture> = OnceLock::new();
    *LOADED.get_or_init(|| Fixture::load().unwrap())
}

/// Status and content of a reply, what was kept and what was submitted.
type Outcome = (u16, String, Vec<(String, Vec<u8>)>, Vec<String>);

/// What becomes of `request`, however its octets are split.
fn outcome(request: &Request, is_off: bool) -> Outcome {
    let [first, others @ ..] = [1, 7, 64, 1000, usize::MAX].map(|piece| {
        let (store, book) = (Store::default(), Book::default());
        store.0.borrow_mut().is_off = is_off;
        let site = Site::new(fixture()).submissions(&book).uploads(store.clone());
        let mut limits = Limits::DESKTOP;
        (limits.form, limits.multipart) = (2000, 6000);
        let reply = Client::new(site).limits(limits).pieces(piece).send(request);
        let text = match reply.field("Location") {
            Some(location) => location.to_owned(),
            None => reply.text().to_owned(),
        };
        assert_eq!(store.0.borrow().pending, 0);
        let files = store.0.take().files;
        (reply.status(), text, files, book.0.take())
    });
    for other in others {
        assert_eq!(first, other);
    }
    first
}

fn file<'a>(filename: &'a str, content: &'a [u8]) -> FormPart<'a> {
    FormPart::file("f", filename, "a/b", content)
}

#[test]
fn files_are_kept_and_shown_by_their_names() {
    let parts = [
        FormPart::text("t", "1"),
        file("a.txt", b"A\r\n--boundar\r\n"),
        file("", b""),
        file("", b"nameless"),
        FormPart::text("u", ""),
        file("empty", b""),
    ];
    let (status, page, files, forms) = outcome(&Request::post("/").multipart(&parts), false);
    assert_eq!(status, 200);
    for shown in [
        "<dd>1</dd>",
        "<dd><bdi>kept-a.txt</bdi> <small>(<bdi>a/b</bdi>, 14 bytes)</small></dd>",
        "<dd></dd>",
        "<dd><bdi>kept-</bdi> <small>(<bdi>a/b</bdi>, 8 bytes)</small></dd>",
        "<dd><bdi>kept-empty</bdi> <small>(<bdi>a/b</bdi>, 0 bytes)</small></dd>",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let expected: [(&str, &[u8]); 3] =
        [("kept-a.txt", b"A\r\n--boundar\r\n"), ("kept-", b"nameless"), ("kept-empty", b"")];
    assert!(files.iter().map(|(name, content)| (&**name, &**content)).eq(expected));
    assert_eq!(
        forms,
        ["/ t=1 None None;f=a.txt Some(14) Some(\"kept-a.txt\");f= Some(0) None;\
          f= Some(8) Some(\"kept-\");u= None None;f=empty Some(0) Some(\"kept-empty\");"]
    );

    // Where files aren't kept, they are counted.
    let (status, page, files, forms) = outcome(&Request::post("/").multipart(&parts), true);
    assert_eq!((status, files.len(), forms.len()), (200, 0, 1));
    assert!(
        page.contains("<dd><bdi>a.txt</bdi> <small>(<bdi>a/b</bdi>, 14 bytes)</small></dd>"),
        "{page}"
    );
}

#[test]
fn what_is_refused_leaves_nothing() {
    let whole = [file("a", b"1"), file("b", &[b'x'; 3000])];
    let request = |parts: &[FormPart<'_>]| Request::post("/").multipart(parts);
    let truncated = |octets: &[u8]| {
        let fields = "multipart/form-data; boundary=b";
        Request::post("/").field("Content-Type", fields).content(octets)
    };
    let part = b"--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n1\r\n--b";
    for (name, request, status) in [
        ("no close-delimiter", truncated(part), 400),
        (
            "a part without a name",
            truncated(&[&part[..], b"\r\nA: b\r\n\r\n1\r\n--b--"].concat()),
            400,
        ),
        ("no room for a file", request(&[file("a", b"1"), file("b", &[0; 4001])]), 507),
        ("over the limit", request(&[file("a", b"1"), file("b", &[0; 6000])]), 413),
        (
            "texts over the limit",
            request(&[file("a", b"1"), FormPart::text("t", &"x".repeat(2000))]),
            413,
        ),
        ("the store refuses", request(&[file("a", b"1"), FormPart::text("refuse", "")]), 503),
        ("another state", request(&whole).field("If-Match", "\"other\""), 412),
        ("another origin", request(&whole).field("Origin", "http://other"), 403),
        ("another site", request(&whole).field("Sec-Fetch-Site", "cross-site"), 403),
        ("no page", Request::post("/hello.txt").multipart(&whole), 405),
        ("another listing", Request::post("/listing/").multipart(&whole), 405),
        ("no slash", Request::post("/noindex").multipart(&whole), 308),
    ] {
        let (found, text, files, forms) = outcome(&request, false);
        assert_eq!((found, files.len(), forms.len()), (status, 0, 0), "{name}: {text}");
    }
    // The same in chunks, whose sum turns out late.
    let long =
        [b"--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n", &[b'x'; 3990][..]];
    let more = [b'y'; 2500];
    let chunks =
        Request::post("/").field("Content-Type", "multipart/form-data; boundary=b").chunks(&[
            long[0],
            long[1],
            b"\r\n--b\r\nContent-Disposition: form-data; name=t\r\n\r\n",
            &more,
        ]);
    let (status, _, files, _) = outcome(&chunks, false);
    assert!(status == 413 && files.is_empty());
}

#[test]
fn only_pages_of_the_site_and_programs_send_files() {
    let parts = [file("a", b"1")];
    for (name, value, status) in [
        ("User-Agent", "curl/8", 200),
        ("Origin", "http://test", 200),
        ("Origin", "https://test", 200),
        ("Origin", "null", 403),
        ("Origin", "http://test:81", 403),
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "cross-site", 403),
    ] {
        let request = Request::post("/").field(name, value);
        let (found, text, files, _) = outcome(&request.clone().multipart(&parts), false);
        assert_eq!((found, files.len()), (status, usize::from(status == 200)), "{name}: {value}");
        assert!(status != 403 || text.contains("only from pages of this site"), "{text}");
        // Texts are taken from anywhere, as ever.
        assert_eq!(outcome(&request.form(&[("a", "1")]), false).0, 200);
    }
}

#[test]
fn the_listing_of_the_folder_takes_files_and_no_other_does() {
    let store = Store::default();
    let site = Site::new(fixture()).uploads(Some(store.clone()));
    let client = Client::new(site);
    let page = client.get("/noindex/");
    assert!(
        page.text()
            .contains("<form method=\"post\" enctype=\"multipart/form-data\" action=\"./\">")
    );
    assert!(page.text().contains("type=\"file\" name=\"file\" multiple required"));
    let request = Request::post("/noindex/?a=b").multipart(&[file("a", b"1"), file("b", b"2")]);
    let reply = client.send(&request);
    assert_eq!((reply.status(), reply.field("Location")), (303, Some("./")));
    assert_eq!(store.0.borrow().files.len(), 2);
    let allowed = |target: &str| {
        let reply = client.send(&Request::new(Method::Options, target));
        reply.field("Allow").map(str::to_owned)
    };
    assert_eq!(allowed("/noindex/").as_deref(), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(allowed("/listing/").as_deref(), Some("GET, HEAD, OPTIONS"));
    assert_eq!(client.post_form("/noindex/", &[("a", "b")]).status(), 415);
    assert!(!client.get("/listing/").text().contains("<form"));

    for site in [
        Site::new(fixture()).uploads(None::<Store>),
        Site::new(fixture()).uploads(Some(store.clone())).without_forms(),
        Site::new(fixture()).uploads(Some(store)).without_listings(),
    ] {
        let client = Client::new(site);
        assert!(!client.get("/noindex/").text().contains("<form"));
        assert!(matches!(client.send(&request).status(), 404 | 405));
    }
}
