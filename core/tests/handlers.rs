//! What a handler asks of a request, and what a test of one sees of the reply.

use thimble_core::testing::{Client, FormPart, Reply, Request};
use thimble_core::{Answer, Exchange, Limits, Method, Service, Status, Transport, UnixTime};

/// Says what it was asked.
struct Echo;

impl Service for Echo {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let text = match exchange.segments() {
            ["cookies"] => format!("{:?}", exchange.cookies().collect::<Vec<_>>()),
            ["cookie"] => format!("{:?}", exchange.cookie("a")),
            ["query"] => {
                let pairs = exchange.query().into_iter();
                pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";")
            }
            ["short"] => {
                let mut out = exchange.respond(Status::OK).stream_exact(9);
                out.write(b"short").await?;
                return out.finish();
            }
            ["length"] => {
                let (mut body, respond) = exchange.open().await?;
                let mut length = 0;
                while let Some(chunk) = body.chunk().await? {
                    length += chunk.len();
                }
                let text = length.to_string();
                return respond.status(Status::OK).send(text.as_bytes()).await;
            }
            _ => format!("{:?}", exchange.file_names()),
        };
        exchange.respond(Status::OK).send(text.as_bytes()).await
    }
}

#[test]
fn cookies_are_those_of_all_lines() {
    let asked = |target: &str, lines: &[&str]| {
        let request =
            lines.iter().fold(Request::get(target), |request, line| request.field("COOKIE", line));
        Client::new(Echo).send(&request).text().to_owned()
    };
    assert_eq!(asked("/cookies", &[]), "[]");
    let lines = ["a=1; b=\"2\"", "a=3;c"];
    assert_eq!(asked("/cookies", &lines), r#"[("a", "1"), ("b", "\"2\""), ("a", "3"), ("", "c")]"#);
    assert_eq!(asked("/cookie", &lines), "Some(\"1\")");
    assert_eq!(asked("/cookie", &["A=1"]), "None");
}

#[test]
fn a_query_is_that_of_either_form_of_target() {
    let client = Client::new(Echo);
    for (target, expected) in [
        ("/query", ""),
        ("/query?", ""),
        ("/query?a=b+c&%64=%C3%AB&e", "a=b c;d=ë;e="),
        ("http://test/query?a?=b=c", "a?=b=c"),
    ] {
        assert_eq!(client.get(target).text(), expected, "{target}");
    }
}

#[test]
fn file_names_are_all_plain_or_there_are_none() {
    let client = Client::new(Echo);
    for (path, expected) in [
        ("/", "Some([])"),
        ("/a/b%20c/%C3%AB", "Some([\"a\", \"b c\", \"ë\"])"),
        ("/a/", "None"),
        ("/a//b", "None"),
        ("/a/..%2fb", "None"),
        ("/a/%2e%2e", "None"),
        ("/a/%2e", "None"),
        ("/a/b%5cc", "None"),
        ("/a/%43:", "None"),
        ("/a/b%00", "None"),
        ("/a/%FF", "None"),
        ("/1/2/3/4/5/6/7/8", "Some([\"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\"])"),
        // The last segment holds the rest.
        ("/1/2/3/4/5/6/7/8/9", "None"),
    ] {
        assert_eq!(client.get(path).text(), expected, "{path}");
    }
}

#[test]
fn a_client_sees_all_of_a_reply() {
    let client = Client::new(&Echo).time(UnixTime(0)).pieces(3);
    let length = Request::post("/length");
    let requests = [
        Request::new(Method::Head, "/"),
        length.clone().content("12345"),
        length.clone().chunks(&[b"1", b"", b"234"]).field("Expect", "100-continue"),
        Request::get("/short"),
        Request::get("/never"),
    ];
    let replies = client.pipeline(&requests);
    let texts: Vec<_> = replies.iter().map(|reply| (reply.status(), reply.text())).collect();
    // A reply that is cut is the last.
    assert_eq!(texts, [(200, ""), (200, "5"), (200, "4"), (200, "short")]);
    let is_cut: Vec<_> = replies.iter().map(Reply::is_cut).collect();
    assert_eq!(is_cut, [false, false, false, true]);
    let first = &replies[0];
    assert_eq!(first.field("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(
        first.fields().map(|(name, _)| name).collect::<Vec<_>>(),
        ["Date", "Content-Length"]
    );

    let mut limits = Limits::DEVICE;
    limits.request_line = 20;
    assert_eq!(Client::new(Echo).limits(limits).get("/longer-than-that").status(), 414);
    assert_eq!(Client::new(Echo).send(&Request::get("/a b")).status(), 400);
}

#[test]
fn a_handler_takes_the_types_of_forms_that_it_asks_for() {
    struct Forms;

    impl Service for Forms {
        async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
            let (form, respond) = match exchange.segments() {
                ["urlencoded"] => exchange.urlencoded().await?,
                _ => exchange.form().await?,
            };
            let shown: Vec<_> = form.fields().map(|field| format!("{field:?}")).collect();
            respond.status(Status::OK).send(shown.join("\n").as_bytes()).await
        }
    }

    let client = Client::new(Forms);
    let parts = [FormPart::text("a", "1"), FormPart::file("b", "c.txt", "text/plain", b"1234")];
    let shown = client.send(&Request::post("/any").multipart(&parts));
    let [a, b] = [
        r#"FormField { name: "a", value: "1", file: None }"#,
        r#"FormField { name: "b", value: "c.txt", file: Some(FormFile { content_type: "text/plain", size: 4 }) }"#,
    ];
    assert_eq!(shown.text(), format!("{a}\n{b}"));
    let refused = client.send(&Request::post("/urlencoded").multipart(&parts));
    let accept = Some("application/x-www-form-urlencoded");
    assert_eq!((refused.status(), refused.field("Accept")), (415, accept));
    for path in ["/any", "/urlencoded"] {
        assert_eq!(client.post_form(path, &[("a", "1")]).text(), a);
    }
}
