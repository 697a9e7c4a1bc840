//! Multipart forms mean what they mean to another reader, however they arrive.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use thimble_core::testing::{Client, FormPart, Request};
use thimble_core::{Answer, Exchange, FormFile, Service, Status, Transport};

/// Shows each part in a line: name, file name, type, content.
struct Parts;

impl Service for Parts {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let (mut form, respond) = exchange.multipart().await?;
        let mut shown = String::new();
        while let Some(mut part) = form.next().await? {
            let mut content = Vec::new();
            while let Some(piece) = part.chunk().await? {
                assert!(!piece.is_empty());
                content.extend_from_slice(piece);
            }
            assert!(part.chunk().await?.is_none());
            show(&mut shown, part.name(), part.filename(), part.content_type(), &content);
        }
        assert!(form.next().await?.is_none());
        respond.status(Status::OK).send(shown.as_bytes()).await
    }
}

/// Shows the same, but that of a file it knows the size alone, and of a text no type.
struct Whole;

impl Service for Whole {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let (form, respond) = exchange.form().await?;
        let mut shown = String::new();
        for field in form.fields() {
            match field.file {
                Some(FormFile { content_type, size, .. }) => {
                    let size = size.to_string();
                    show(&mut shown, field.name, Some(field.value), content_type, size.as_bytes());
                }
                None => show(&mut shown, field.name, None, "", field.value.as_bytes()),
            }
        }
        respond.status(Status::OK).send(shown.as_bytes()).await
    }
}

/// Names the parts, and reads the content of every other one.
struct Names;

impl Service for Names {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let (mut form, respond) = exchange.multipart().await?;
        let (mut shown, mut reads) = (String::new(), false);
        while let Some(mut part) = form.next().await? {
            if reads {
                part.chunk().await?;
            }
            writeln!(shown, "{:?}", part.name()).unwrap();
            reads = !reads;
        }
        respond.status(Status::OK).send(shown.as_bytes()).await
    }
}

fn show(
    shown: &mut String,
    name: &str,
    file_name: Option<&str>,
    content_type: &str,
    content: &[u8],
) {
    let content = content.escape_ascii();
    writeln!(shown, "{name:?} {file_name:?} {content_type:?} {content}").unwrap();
}

/// What another reader finds in `content`; `None` if it refuses that.
fn oracle(content: &[u8], whole: bool) -> Option<String> {
    let read = async {
        let mut form = multer::Multipart::with_reader(content, "b");
        let mut shown = String::new();
        while let Some(field) = form.next_field().await? {
            let name = field.name().unwrap_or("(none)").to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().map(ToString::to_string);
            let content_type = content_type.unwrap_or_else(|| "text/plain".into());
            let content = field.bytes().await?;
            match (whole, &file_name) {
                (true, Some(_)) => {
                    let size = content.len().to_string();
                    show(&mut shown, &name, file_name.as_deref(), &content_type, size.as_bytes());
                }
                (true, None) => show(&mut shown, &name, None, "", &content),
                (false, _) => {
                    show(&mut shown, &name, file_name.as_deref(), &content_type, &content);
                }
            }
        }
        Ok::<_, multer::Error>(shown)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read).ok()
}

fn request(content: &[u8]) -> Request {
    Request::post("/").field("Content-Type", "multipart/form-data; boundary=b").content(content)
}

/// What a service answers, however the request arrives: the same each time.
fn answer(service: impl Service, request: &Request) -> (u16, String) {
    let client = Client::new(&service);
    let answers = [usize::MAX, 1, 2, 3, 7, 16, 61].map(|octets| {
        let reply = client.pieces(octets).send(request);
        (reply.status(), reply.text().to_owned())
    });
    let [first, others @ ..] = answers;
    for other in others {
        assert_eq!(other, first);
    }
    first
}

/// Octets that delimiters and heads are made of.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"\r\n",
        b"\r",
        b"\n",
        b"-",
        b"--",
        b"b",
        b"\r\n--b",
        b"\r\n--b\r\n",
        b"--b\r\n",
        b"\r\n--b--",
        b" ",
        b"x",
        b"\xe9",
        b"\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n",
        b"\r\n--b\r\nContent-Disposition: form-data; name=\"b\"; filename=\"c\"\r\n\r\n",
        b"Content-Type: text/plain\r\n",
        b"\r\n\r\n",
    ];
    vec(select(pieces), 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_sent_is_read_as_another_reader_reads_it(
        parts in vec((
            string_regex("[a-z \u{e9};=]{0,8}").unwrap(),
            proptest::option::of(string_regex("[a-z.\u{20ac} ;]{1,8}").unwrap()),
            proptest::string::bytes_regex("(?s-u:[\r\n\\-bx\\x00\\xff]{0,30})").unwrap(),
        ), 0..5),
    ) {
        let mut content = Vec::new();
        for (name, file_name, octets) in &parts {
            // A part that looks like a delimiter is another test's.
            prop_assume!(!octets.windows(5).any(|window| window == b"\r\n--b"));
            let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"");
            content.extend_from_slice(head.as_bytes());
            if let Some(file_name) = file_name {
                let file = format!("; filename=\"{file_name}\"\r\nContent-Type: image/png");
                content.extend_from_slice(file.as_bytes());
            }
            content.extend_from_slice(b"\r\n\r\n");
            content.extend_from_slice(octets);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(b"--b--\r\n");
        prop_assume!(!parts.iter().any(|(_, _, octets)| octets.starts_with(b"--b")));
        let expected = oracle(&content, false).unwrap();
        prop_assert_eq!(answer(Parts, &request(&content)), (200, expected));
        let (status, names) = answer(Names, &request(&content));
        prop_assert_eq!((status, names.lines().count()), (200, parts.len()));
        if parts.iter().all(|(_, file, octets)| file.is_some() || octets.is_ascii() || std::str::from_utf8(octets).is_ok()) {
            let expected = oracle(&content, true).unwrap();
            prop_assert_eq!(answer(Whole, &request(&content)), (200, expected));
        } else {
            prop_assert_eq!(answer(Whole, &request(&content)).0, 400);
        }
    }

    #[test]
    fn what_is_accepted_means_the_same_to_another_reader(octets in soup()) {
        let content = [b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", octets.as_slice(), b"\r\n--b--"].concat();
        let (status, found) = answer(Parts, &request(&content));
        prop_assert!(status == 200 || status == 400);
        if status == 200 && let Some(expected) = oracle(&content, false) {
            prop_assert_eq!(&found, &expected);
        }
        // Both ways to read a form agree about it.
        let (whole_status, whole) = answer(Whole, &request(&content));
        prop_assert!(whole_status == status || (whole_status, status) == (400, 200));
        if whole_status == 200 {
            prop_assert_eq!(whole.lines().count(), found.lines().count());
        }
    }

    #[test]
    fn what_the_test_client_sends_arrives(
        name in r"[^\\%\p{Cc}]{0,12}",
        value in ".{0,40}",
        file_name in r"[^\\%\p{Cc}]{0,12}",
        content in vec(any::<u8>(), 0..200),
    ) {
        // Some of those that are left out stand for others.
        prop_assume!(name != "_charset_");
        let parts = [
            FormPart::text(&name, &value),
            FormPart::file(&name, &file_name, "a/b", &content),
        ];
        let mut expected = String::new();
        show(&mut expected, &name, None, "text/plain", value.as_bytes());
        show(&mut expected, &name, Some(&file_name), "a/b", &content);
        prop_assert_eq!(answer(Parts, &Request::post("/").multipart(&parts)), (200, expected));
    }
}
