//! Forms in a store of one's own: a guest book in a file, which refuses when it is full.
//! `cargo run --example guests`, then send the form at <http://127.0.0.1:8000/>, and look at
//! <http://127.0.0.1:8000/submissions>.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use thimble_std::thimble_core::service::{ReadError, Recall, Recalled, Submission, Submissions};
use thimble_std::{Folder, Refusal, Server, Site, Status};

const FULL: Refusal = Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("the guest book is full", "Retry-After", "86400"),
);
const FAILED: Refusal =
    Refusal::new(Status::INTERNAL_SERVER_ERROR, "the guest book can't be written");

/// Octets of the largest book.
const LARGEST: u64 = 64 * 1024;

/// A line for each guest.
struct Guests {
    path: PathBuf,
    writing: Mutex<()>,
}

impl Guests {
    fn write(&self, name: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        writeln!(file, "{}", name.replace(['\r', '\n'], " "))?;
        file.sync_data()
    }
}

impl Submissions for Guests {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if fs::metadata(&self.path).is_ok_and(|book| book.len() >= LARGEST) {
            return Err(FULL);
        }
        // The page with what was sent follows when this is done.
        self.write(submission.form.get("name").unwrap_or("somebody")).map_err(|_| FAILED)
    }
}

impl Recall for Guests {
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        let book = match fs::read_to_string(&self.path) {
            Ok(book) => book,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(_) => return Err(ReadError),
        };
        let Some(name) = book.lines().rev().nth(age) else { return Ok(false) };
        into.begin("/", None);
        into.field("name", name);
        Ok(true)
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let folder = std::env::args().nth(2).unwrap_or_else(|| "site".into());
    let guests = Guests { path: "target/guests.txt".into(), writing: Mutex::default() };
    let site = Site::new(Folder::open(folder)?).submissions(&guests);
    let server = Server::bind(address)?;
    println!("http://{}/", server.local_addr()?);
    server.run(site.show_submissions(Some(&guests)))
}

#[cfg(test)]
mod tests {
    use thimble_std::testing::Client;

    use super::*;

    #[test]
    fn guests_are_kept_until_the_book_is_full() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("index.html"), "<p>Welcome<!-- form -->")?;
        let path = folder.path().join(".guests");
        let guests = Guests { path: path.clone(), writing: Mutex::default() };
        let site = Site::new(Folder::open(folder.path())?).submissions(&guests);
        let client = Client::new(site.show_submissions(Some(&guests)));
        assert!(client.post_form("/", &[("name", "Ada")]).text().contains("Ada"));
        assert_eq!(client.post_form("/", &[("name", "Bo\nb")]).status(), 200);
        assert_eq!(fs::read_to_string(&path)?, "Ada\nBo b\n");
        let page = client.get("/submissions");
        assert!(page.text().find("Bo b") < page.text().find("Ada"));

        fs::write(&path, "x".repeat(64 * 1024))?;
        let refused = client.post_form("/", &[("name", "Cy")]);
        assert_eq!((refused.status(), refused.field("Retry-After")), (503, Some("86400")));
        Ok(())
    }
}
