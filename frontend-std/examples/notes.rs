//! Notes in files, one for each name: `cargo run --example notes`, then
//! `curl -T file http://127.0.0.1:8000/notes/first` and open <http://127.0.0.1:8000/notes/first>.

use std::fs;
use std::path::PathBuf;

use thimble_std::{Answer, Exchange, Method, Server, Service, Status, Transport};

/// Octets of the longest note.
const LONGEST: usize = 64 * 1024;

struct Notes {
    folder: PathBuf,
}

impl Service for Notes {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        // Not `segments`, one of which may be `../../etc/passwd`.
        match (exchange.method(), exchange.file_names()) {
            (Method::Get, Some(["notes", name])) => match fs::read(self.folder.join(name)) {
                Ok(note) => {
                    let reply = exchange.respond(Status::OK).field("Cache-Control", "no-cache");
                    reply.content_type("text/plain; charset=utf-8").send(&note).await
                }
                Err(_) => Ok(exchange.respond(Status::NOT_FOUND).text("no such note\n")),
            },
            (Method::Put, Some(["notes", name])) => {
                let path = self.folder.join(name);
                let (body, respond) = exchange.open().await?;
                let note = body.collect(LONGEST).await?; // 413 answered for you
                Ok(match fs::write(path, note) {
                    Ok(()) => respond.status(Status::NO_CONTENT).empty(),
                    Err(_) => respond.status(Status::INTERNAL_SERVER_ERROR).text("not kept\n"),
                })
            }
            (_, Some(["notes", _])) => Ok(exchange.allow(&[Method::Get, Method::Put])),
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("notes are at /notes/NAME\n")),
        }
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let folder = std::env::args().nth(2).unwrap_or_else(|| "target/notes".into());
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let server = Server::bind(address)?;
    println!("Notes in {} at http://{}/", folder.display(), server.local_addr()?);
    server.run(Notes { folder })
}

#[cfg(test)]
mod tests {
    use thimble_std::testing::{Client, Request};

    use super::*;

    #[test]
    fn a_note_is_kept_and_no_name_leads_out_of_the_folder() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("outside"), "secret")?;
        let inside = folder.path().join("inside");
        fs::create_dir(&inside)?;
        let client = Client::new(Notes { folder: inside });

        let put = |name: &str| {
            let request = Request::new(Method::Put, &format!("/notes/{name}"));
            client.send(&request.content("a note")).status()
        };
        assert_eq!(put("first"), 204);
        assert_eq!(client.get("/notes/first").text(), "a note");
        assert_eq!(client.get("/notes/second").status(), 404);
        for name in ["..%2foutside", "%2e%2e/outside", "..%5coutside", "%2e%2e", ""] {
            assert_eq!((put(name), client.get(&format!("/notes/{name}")).status()), (404, 404));
        }
        let outside = folder.path().join("outside");
        assert_eq!(fs::read_to_string(outside)?, "secret");
        Ok(())
    }
}
