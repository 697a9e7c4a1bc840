//! A text at the end of every page, and what tells pages to load again.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::cell::Cell;
use std::future::pending;

use thimble_core::Method;
use thimble_core::service::layers::{Change, Changes, LIVE, Live, Nothing};
use thimble_core::service::{Appended, Pages};
use thimble_core::testing::{Client, Reply, Request};
use thimble_std::{Folder as Served, Site};
use thimble_test_fixtures::settle;
use thimble_tests::command::folder::{Folder, PAGE};

const TEXT: &str = "<script src=\"/a.js\"></script>";

fn folder() -> Folder {
    let folder = Folder::with_pages().unwrap();
    folder.file("coded.html", "a page").unwrap();
    folder.file("coded.html.gz", "the same").unwrap();
    folder.file("page.own", "<p>own").unwrap();
    folder.file("not.html", "no page").unwrap();
    folder.file("empty.html", "").unwrap();
    folder.file("list/a.txt", "a").unwrap();
    folder.file("about.html", "about").unwrap();
    folder.file("404.html", "<p>not here").unwrap();
    folder.file("large.html", "<p>large</p>".repeat(10_000)).unwrap();
    settle();
    folder
}

const TYPES: &[(&str, &str)] = &[("own", "text/html; charset=utf-8")];

fn site(folder: &Folder, text: &'static str) -> Site<'static, Pages<Appended<'static, Served>>> {
    let storage = Appended::new(Served::open(folder.path()).unwrap(), text).types(TYPES);
    Site::new(Pages::new(storage).without_extensions()).types(TYPES)
}

fn ask(client: &Client<impl thimble_core::Service>, path: &str, fields: &[(&str, &str)]) -> Reply {
    let request =
        fields.iter().fold(Request::get(path), |request, (name, value)| request.field(name, value));
    client.send(&request)
}

/// RFC 9110 §8.6: the length is that of what is sent.
#[test]
fn pages_end_with_the_text() {
    let folder = folder();
    let (plain, live) = (Client::new(site(&folder, "")), Client::new(site(&folder, TEXT)));
    for path in [
        "/",
        "/sub/",
        "/coded.html",
        "/page.own",
        "/empty.html",
        "/list/",
        "/about",
        "/none",
        "/large.html",
    ] {
        let (plain, page) = (plain.get(path), live.get(path));
        assert_eq!(page.status(), plain.status(), "{path}");
        assert_eq!(page.text(), format!("{}{TEXT}", plain.text()), "{path}");
        let head = live.send(&Request::new(Method::Head, path));
        assert_eq!(head.field("Content-Length"), page.field("Content-Length"), "{path}");
        if let Some(length) = page.field("Content-Length") {
            assert_eq!(length, page.content().len().to_string(), "{path}");
        }
        assert!(head.content().is_empty());
    }
    for path in ["/note.txt", "/list/a.txt", "/coded.html.gz"] {
        let (plain, other) = (plain.get(path), live.get(path));
        assert_eq!(other.content(), plain.content(), "{path}");
        assert!(plain.fields().eq(other.fields()), "{path}");
    }
}

/// RFC 9110 §8.8.3: two representations have two tags.
#[test]
fn no_cache_mixes_pages_with_and_without_it() {
    let folder = folder();
    let texts = ["", TEXT, "<!-- other -->"];
    let clients = texts.map(|text| Client::new(site(&folder, text)));
    let tags: Vec<String> =
        clients.iter().map(|client| client.get("/").field("ETag").unwrap().to_owned()).collect();
    for (number, client) in clients.iter().enumerate() {
        for (other, tag) in tags.iter().enumerate() {
            let status = if number == other { 304 } else { 200 };
            let reply = ask(client, "/", &[("If-None-Match", tag)]);
            assert_eq!(reply.status(), status, "{number} {other}");
            let post = Request::post("/").form(&[("a", "b")]).field("If-Match", tag);
            let status = if number == other { 200 } else { 412 };
            assert_eq!(client.send(&post).status(), status, "{number} {other}");
        }
    }
    // A date can't tell them apart.
    let [plain, live, _] = &clients;
    let date = plain.get("/").field("Last-Modified").unwrap().to_owned();
    assert_eq!(live.get("/").field("Last-Modified"), None);
    assert_eq!(ask(live, "/", &[("If-Modified-Since", &date)]).status(), 200);
    assert_eq!(ask(live, "/note.txt", &[("If-Modified-Since", &date)]).status(), 304);
}

/// RFC 9110 §14: ranges are of what is sent whole, wherever the text begins.
#[test]
fn ranges_are_of_the_whole() {
    let folder = folder();
    let client = Client::new(site(&folder, TEXT));
    for path in ["/", "/large.html"] {
        let whole = client.get(path).content().to_vec();
        let own = whole.len() - TEXT.len();
        for (first, last) in [
            (0, 9),
            (own - 1, own),
            (own - 1, own - 1),
            (own, own),
            (own + 3, own + 4),
            (own - 5, whole.len() - 1),
            (whole.len() - 1, whole.len() - 1),
        ] {
            let range = format!("bytes={first}-{last}");
            let reply = ask(&client, path, &[("Range", &range)]);
            assert_eq!((reply.status(), reply.content()), (206, &whole[first..=last]), "{range}");
            let shown = format!("bytes {first}-{last}/{}", whole.len());
            assert_eq!(reply.field("Content-Range"), Some(shown.as_str()));
        }
        let beyond = format!("bytes={}-", whole.len());
        assert_eq!(ask(&client, path, &[("Range", &beyond)]).status(), 416);
    }
}

/// RFC 9110 §12.5.3: the only coding of a page is none.
#[test]
fn pages_have_no_codings() {
    let folder = folder();
    let client = Client::new(site(&folder, TEXT));
    let reply = ask(&client, "/coded.html", &[("Accept-Encoding", "gzip")]);
    assert_eq!((reply.field("Content-Encoding"), reply.field("Vary")), (None, None));
    assert_eq!(reply.text(), format!("a page{TEXT}"));
    let reply = ask(&client, "/coded.html", &[("Accept-Encoding", "identity;q=0")]);
    assert_eq!(reply.status(), 406);
}

#[test]
fn a_form_is_shown_before_the_text() {
    let folder = folder();
    let client = Client::new(site(&folder, TEXT));
    let (before, after) = PAGE.split_once("<!-- form -->").unwrap();
    let shown = client.post_form("/", &[("name", "Ada")]).text().to_owned();
    assert!(shown.starts_with(before) && shown.ends_with(&format!("{after}{TEXT}")), "{shown}");
    let shown = client.post_form("/about", &[("name", "Ada")]).text().to_owned();
    assert!(
        shown.starts_with("about<") && shown.ends_with(TEXT) && shown.contains("Ada"),
        "{shown}"
    );
}

/// Something that changed at 1000 and, if there is one, a style sheet that changed at 2000.
#[derive(Default)]
struct Known {
    style: Option<&'static str>,
    asked: Cell<u32>,
    room: Cell<i32>,
}

impl Changes for Known {
    type Name = &'static str;

    fn now(&self) -> u64 {
        10_000
    }

    async fn next(&self, since: u64) -> Change<&'static str> {
        self.asked.set(self.asked.get() + 1);
        match self.style {
            _ if since < 1000 => Change::Page,
            Some(name) if since < 2000 => Change::Style { name, at: 2000 },
            _ if self.asked.get() < 4 => Change::None,
            _ => pending().await,
        }
    }

    fn begin(&self) -> bool {
        self.room.set(self.room.get() - 1);
        self.room.get() >= 0
    }

    fn end(&self) {
        self.room.set(self.room.get() + 1);
    }
}

#[test]
fn a_page_hears_of_what_has_changed_since() {
    for (age, style, room, expected) in [
        ("9001", None, 1, "event: page\ndata: \n\n"),
        ("18446744073709551615", None, 1, "event: page\ndata: \n\n"),
        // Without room to wait, it is told what was, and asks again.
        ("9001", None, 0, "event: page\ndata: \n\n"),
        ("9000", None, 0, "event: page\ndata: \n\n"),
        ("8500", Some("/a b.css"), 0, "event: style\ndata: /a b.css\n\n"),
        ("8999", None, 0, ":\n\n"),
        ("", None, 0, ":\n\n"),
        ("x", None, 0, ":\n\n"),
    ] {
        let known = Known { style, ..Known::default() };
        known.room.set(room);
        let client = Client::new(Live::new(Nothing, &known));
        let reply = client.get(&format!("/.thimble/live?age={age}"));
        assert_eq!((reply.status(), reply.text()), (200, expected), "{age}");
        assert_eq!(reply.field("Content-Type"), Some("text/event-stream"));
        assert_eq!(reply.field("Cache-Control"), Some("no-store"));
    }
}

#[test]
fn it_has_a_script_and_nothing_else() {
    let folder = folder();
    let known = Known::default();
    let client = Client::new(Live::new(site(&folder, LIVE), &known));
    let script = client.get("/.thimble/live.js");
    assert_eq!(script.field("Content-Type"), Some("text/javascript; charset=utf-8"));
    assert!(script.text().contains("EventSource"));
    for path in ["/.thimble/live.js", "/.thimble/live"] {
        let reply = client.send(&Request::post(path).form(&[]));
        assert_eq!((reply.status(), reply.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
        let head = client.send(&Request::new(Method::Head, path));
        assert_eq!((head.status(), head.content()), (200, &b""[..]));
    }
    for path in ["/.thimble/", "/.thimble/other", "/.thimble/live/", "/.thimble"] {
        assert_eq!(client.get(path).status(), 404, "{path}");
    }
    assert!(client.get("/").text().ends_with(LIVE));
    // Nothing that knows of changes: it isn't there.
    let none = Client::new(Live::new(site(&folder, ""), None::<Known>));
    assert_eq!(none.get("/.thimble/live.js").status(), 404);
    assert_eq!(none.get("/.thimble/live").status(), 404);
}
