//! Codings that a storage makes when they are asked for: negotiated like those that stand in it.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use thimble_core::Files;
use thimble_core::grammar::etag::EntityTag;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{
    File, Metadata, NoEntries, Node, OpenError, ReadError, Storage,
};
use thimble_core::testing::{Client, Reply, Request};

/// Files that stand in some codings, and are put into others.
#[derive(Default)]
struct Maker {
    there: Codings,
    /// What seems to stand there, and is gone.
    gone: Codings,
    made: Codings,
    /// What can't be made now.
    fails: Codings,
}

/// A file in a coding, as its content says.
struct Made<'m> {
    maker: &'m Maker,
    content: String,
    tag: String,
}

impl Maker {
    fn file(&self, coding: Coding, how: &str) -> Made<'_> {
        let content = format!("{how} {}", coding.name());
        Made { maker: self, tag: content.replace(' ', "-"), content }
    }
}

impl<'m> Storage for &'m Maker {
    type File = Made<'m>;
    type Entries = NoEntries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Made<'m>>, OpenError> {
        if path.is_directory() || path.name() == b"404.html" || self.gone.contains(coding) {
            return Err(OpenError::NotFound);
        }
        Ok(Node::File(self.file(coding, "stored")))
    }

    async fn list(&self, _: &Path<'_>) -> Result<NoEntries, OpenError> {
        Err(OpenError::NotFound)
    }
}

impl File for Made<'_> {
    fn metadata(&self) -> Metadata<'_> {
        let etag = Some(EntityTag::strong(self.tag.as_bytes()));
        let codings = self.maker.there.or(self.maker.gone);
        Metadata { len: self.content.len() as u64, modified: None, etag, codings }
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let rest = self.content.as_bytes().get(usize::try_from(offset).unwrap()..).unwrap();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(count)
    }

    fn made_codings(&self) -> Codings {
        self.maker.made
    }

    async fn encode(&self, coding: Coding) -> Result<Self, OpenError> {
        assert!(self.maker.made.contains(coding), "{coding:?} is not offered");
        if self.maker.fails.contains(coding) {
            return Err(OpenError::Busy);
        }
        Ok(self.maker.file(coding, "made"))
    }
}

fn ask(maker: &Maker, path: &str, fields: &[(&str, &str)]) -> Reply {
    let client = Client::new(Files::new(maker));
    let request =
        fields.iter().fold(Request::get(path), |request, (name, value)| request.field(name, value));
    client.send(&request)
}

const NONE: Codings = Codings::NONE;
const GZIP: Codings = NONE.with(Coding::Gzip);
const BROTLI: Codings = NONE.with(Coding::Brotli);
const ALL: Codings = GZIP.or(BROTLI).with(Coding::Zstd);
const BROWSER: &str = "gzip, deflate, br, zstd";

#[test]
fn what_is_made_is_negotiated_like_what_is_there() {
    // RFC 9110 §12.5.3, and §12.5.5 for Vary.
    for (maker, path, accepted, content, varies) in [
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", BROWSER, "made br", true),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "gzip", "made gzip", true),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "x-gzip", "made gzip", true),
        (
            Maker { made: ALL, ..Maker::default() },
            "/a.txt",
            "br;q=0.1, zstd;q=0.2",
            "made zstd",
            true,
        ),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "identity;q=0, *", "made br", true),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "identity", "stored identity", true),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "gzip;q=0", "stored identity", true),
        (Maker { made: ALL, ..Maker::default() }, "/a.txt", "", "stored identity", true),
        (Maker { made: GZIP, ..Maker::default() }, "/a.txt", "br", "stored identity", true),
        // Only text is compressed, and nothing varies where nothing is.
        (Maker { made: ALL, ..Maker::default() }, "/a.png", BROWSER, "stored identity", false),
        (Maker { made: ALL, ..Maker::default() }, "/a.gz", BROWSER, "stored identity", false),
        (Maker { made: ALL, ..Maker::default() }, "/a", BROWSER, "stored identity", false),
        (
            Maker { made: ALL, there: GZIP, ..Maker::default() },
            "/a.png",
            BROWSER,
            "stored gzip",
            true,
        ),
        (
            Maker { made: ALL, there: GZIP, ..Maker::default() },
            "/a.png",
            "br",
            "stored identity",
            true,
        ),
        // What stands there goes before what has to be made, unless the client says otherwise.
        (
            Maker { made: ALL, there: GZIP, ..Maker::default() },
            "/a.txt",
            BROWSER,
            "stored gzip",
            true,
        ),
        (Maker { made: ALL, there: GZIP, ..Maker::default() }, "/a.txt", "br", "made br", true),
        (
            Maker { made: ALL, there: GZIP, ..Maker::default() },
            "/a.txt",
            "gzip;q=0.5, br",
            "made br",
            true,
        ),
        // What is gone is made.
        (Maker { made: ALL, gone: GZIP, ..Maker::default() }, "/a.txt", "gzip", "made gzip", true),
        (Maker { made: ALL, gone: GZIP, ..Maker::default() }, "/a.txt", BROWSER, "made br", true),
        // What can't be made is sent in the next best coding.
        (
            Maker { made: ALL, fails: BROTLI, ..Maker::default() },
            "/a.txt",
            BROWSER,
            "made zstd",
            true,
        ),
        (
            Maker { made: ALL, fails: ALL, ..Maker::default() },
            "/a.txt",
            BROWSER,
            "stored identity",
            true,
        ),
    ] {
        let reply = ask(&maker, path, &[("Accept-Encoding", accepted)]);
        let context = format!("{path}, {accepted}");
        assert_eq!((reply.status(), reply.text()), (200, content), "{context}");
        let (how, coding) = content.split_once(' ').unwrap();
        let encoding = Some(coding).filter(|coding| *coding != "identity");
        assert_eq!(reply.field("Content-Encoding"), encoding, "{context}");
        assert_eq!(reply.field("ETag"), Some(format!("\"{how}-{coding}\"").as_str()), "{context}");
        assert_eq!(reply.field("Vary"), varies.then_some("Accept-Encoding"), "{context}");
        let length = content.len().to_string();
        assert_eq!(reply.field("Content-Length"), Some(length.as_str()), "{context}");
    }
}

#[test]
fn without_the_field_nothing_is_made_and_the_reply_varies() {
    let reply = ask(&Maker { made: ALL, ..Maker::default() }, "/a.txt", &[]);
    assert_eq!(reply.text(), "stored identity");
    assert_eq!(reply.field("Vary"), Some("Accept-Encoding"));
}

#[test]
fn what_cannot_be_had_is_406() {
    let maker = Maker { made: ALL, fails: ALL, ..Maker::default() };
    let reply = ask(&maker, "/a.txt", &[("Accept-Encoding", "gzip, identity;q=0")]);
    assert_eq!((reply.status(), reply.field("Vary")), (406, Some("Accept-Encoding")));
    let maker = Maker { made: ALL, ..Maker::default() };
    assert_eq!(ask(&maker, "/a.png", &[("Accept-Encoding", "gzip, identity;q=0")]).status(), 406);
}

#[test]
fn preconditions_and_ranges_are_those_of_the_coding() {
    let maker = Maker { made: ALL, ..Maker::default() };
    // RFC 9110 §8.8.3.3, §13.1 and §14.
    for (fields, status, content) in [
        (&[("If-None-Match", "\"made-gzip\"")][..], 304, ""),
        (&[("If-None-Match", "\"stored-identity\"")], 200, "made gzip"),
        (&[("If-None-Match", "\"made-br\"")], 200, "made gzip"),
        (&[("If-Match", "\"made-gzip\"")], 200, "made gzip"),
        (&[("Range", "bytes=5-")], 206, "gzip"),
        (&[("Range", "bytes=5-"), ("If-Range", "\"made-gzip\"")], 206, "gzip"),
        (&[("Range", "bytes=5-"), ("If-Range", "\"stored-identity\"")], 200, "made gzip"),
        (&[("Range", "bytes=5-"), ("If-Range", "\"made-br\"")], 200, "made gzip"),
    ] {
        let fields = [&[("Accept-Encoding", "gzip")], fields].concat();
        let reply = ask(&maker, "/a.txt", &fields);
        assert_eq!((reply.status(), reply.text()), (status, content), "{fields:?}");
        assert_eq!(reply.field("Vary"), Some("Accept-Encoding"), "{fields:?}");
        assert_eq!(reply.field("ETag"), Some("\"made-gzip\""), "{fields:?}");
    }
}
