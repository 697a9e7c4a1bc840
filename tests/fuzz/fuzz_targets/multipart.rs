//! Any octets as a multipart form: where the `multer` crate finds parts in what is accepted, they are the
//! same ones, whole or octet by octet.
#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use thimble_core::testing::{Client, Request};
use thimble_core::{Answer, Exchange, Service, Status, Transport};

struct Parts;

impl Service for Parts {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let (mut form, respond) = exchange.multipart().await?;
        let mut shown = String::new();
        while let Some(mut part) = form.next().await? {
            let (name, is_file) = (part.name().to_owned(), part.filename().is_some());
            let mut content = Vec::new();
            while let Some(piece) = part.chunk().await? {
                content.extend_from_slice(piece);
            }
            writeln!(shown, "{name:?} {is_file} {}", content.escape_ascii()).unwrap();
        }
        respond.status(Status::OK).send(shown.as_bytes()).await
    }
}

fn oracle(content: &[u8]) -> Option<String> {
    let read = async {
        let mut form = multer::Multipart::with_reader(content, "b");
        let mut shown = String::new();
        while let Some(field) = form.next_field().await? {
            let (name, is_file) = (field.name().map(str::to_owned), field.file_name().is_some());
            let content = field.bytes().await?;
            writeln!(shown, "{:?} {is_file} {}", name.unwrap_or_default(), content.escape_ascii())
                .unwrap();
        }
        Ok::<_, multer::Error>(shown)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read).ok()
}

fuzz_target!(|input: &[u8]| {
    // Names that are written in different ways, readers decode in different ways.
    if input.contains(&b'\\') || input.contains(&b'%') {
        return;
    }
    let request =
        Request::post("/").field("Content-Type", "multipart/form-data; boundary=b").content(input);
    let client = Client::new(Parts);
    let whole = client.send(&request);
    let pieces = client.pieces(1).send(&request);
    assert_eq!((whole.status(), whole.text()), (pieces.status(), pieces.text()));
    if whole.status() == 200 {
        if let Some(expected) = oracle(input) {
            assert_eq!(whole.text(), expected);
        }
    }
});
