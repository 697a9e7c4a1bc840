//! Submitted forms in a database: a form is acknowledged once it is committed.
//!
//! Forms that arrive while one transaction is being committed wait in a bounded queue, and are
//! committed together in the next one: a slow disk makes the groups larger, not the server slower.

pub mod export;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod queue;
pub mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use queue::{Committer, Fault, Store};
pub use row::Row;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

use std::net::SocketAddr;

use thimble_core::grammar::date::UnixTime;
use thimble_core::message::{Refusal, Status};
use thimble_core::server::Later;
use thimble_core::service::{ReadError, Recall, Recalled, Submission, Submissions};

use crate::log::Log;
use crate::pending::Pending;

const FULL: Refusal = Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("too many forms wait to be kept", "Retry-After", "1"),
);
const FAILED: Refusal = Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("the form can't be kept for now", "Retry-After", "5"),
);

/// Keeps submitted forms in a database, and shows them again.
///
/// # Examples
/// ```no_run
/// use thimble_host::database::{Database, Sqlite};
/// use thimble_host::thimble_core::Site;
/// use thimble_host::{Folder, Log};
///
/// let log = Log::to_stderr();
/// let database = Database::new(Sqlite::open("forms.db".as_ref())?, log)?;
/// let site = Site::new(Folder::open("site")?).submissions(&database).show_submissions(Some(&database));
/// # let _ = site;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Database(Committer);

impl Database {
    /// Keeps forms in `store`, and says in `log` when it fails.
    ///
    /// # Errors
    /// There can't be a thread for it.
    pub fn new(store: impl Store, log: Log) -> std::io::Result<Self> {
        let report = move |reason: &str| log.note(reason.as_bytes());
        Committer::start(store, report).map(Self)
    }

    /// Commits what waits, and lets go of the store, as dropping does: a file is whole then, with nothing left
    /// in others beside it. Forms that come later are refused.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Submissions for Database {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        self.begin(submission, None).await
    }

    async fn begin(
        &self,
        submission: &Submission<'_>,
        later: Option<Later<'_>>,
    ) -> Result<(), Refusal> {
        let row = row(submission);
        // Where many wait, each client waits for its own: that slows them down, and refuses none.
        let later = later.filter(|_| self.0.has_room());
        let promise = later.and_then(|later| Pending::promise(&later));
        let outcome = match promise {
            Some(promise) => self.0.commit_later(row, promise),
            None => self.0.commit(row).await,
        };
        outcome.map_err(|fault| match fault {
            Fault::Full => FULL,
            Fault::Failed => FAILED,
        })
    }
}

fn row(submission: &Submission<'_>) -> Row {
    Row {
        received_at: submission.time.map(|UnixTime(seconds)| seconds.cast_signed()),
        path: submission.path.to_owned(),
        remote: submission.peer.map(|peer: SocketAddr| peer.ip().to_canonical().to_string()),
        fields: row::fields(
            submission.fields().map(|(field, kept)| {
                (field.name, field.value, field.file.map(|file| (file, kept)))
            }),
        ),
    }
}

impl Recall for Database {
    const PAGE: usize = 50;

    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        let rows = self.0.latest(age as u64, 1).await.map_err(|_| ReadError)?;
        let Some(row) = rows.into_iter().next() else { return Ok(false) };
        let time = row.received_at.and_then(|seconds| u64::try_from(seconds).ok()).map(UnixTime);
        into.begin(&row.path, time);
        for field in row::read(&row.fields) {
            match field.file {
                Some((kind, size, kept)) => {
                    into.file(&field.name, kept.as_ref().unwrap_or(&field.value), &kind, size);
                }
                None => into.field(&field.name, &field.value),
            }
        }
        Ok(true)
    }
}
