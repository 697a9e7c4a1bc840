//! Where the forms go that are sent to a command.

use thimble_core::message::Refusal;
use thimble_core::server::Later;
use thimble_core::service::{ReadError, Recall, Recalled, Submission, Submissions};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use super::Problem;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::database::{self, Database};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::log::Log;
use crate::submissions::MemoryStore;

#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
pub(super) const NO_POSTGRES: &str = "this build knows no PostgreSQL: name a file";
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
pub(super) const NO_SQLITE: &str = "this build knows no SQLite: name a postgres:// URL";

/// Whether `name` is the URL of a PostgreSQL database, rather than a file.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn is_url(name: &str) -> bool {
    name.starts_with("postgres://") || name.starts_with("postgresql://")
}

/// Where forms are kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum Forms {
    /// In memory, or nowhere.
    Memory(MemoryStore),
    /// In a database.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    Database(Database),
}

impl Forms {
    /// Opens the database that is named: a file, or a URL that begins with `postgres://`.
    ///
    /// # Errors
    /// It can't be used.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn open(name: &str, log: &Log) -> Result<Self, Problem> {
        let failed = |error: std::io::Error| Problem(format!("can't keep forms: {error}"));
        let database = if is_url(name) {
            #[cfg(feature = "postgres")]
            let store = database::Postgres::open(name).map_err(Problem)?;
            #[cfg(not(feature = "postgres"))]
            return Err(Problem(NO_POSTGRES.into()));
            #[cfg(feature = "postgres")]
            Database::new(store, log.clone())
        } else {
            #[cfg(feature = "sqlite")]
            let store = database::Sqlite::open(name.as_ref()).map_err(Problem)?;
            #[cfg(not(feature = "sqlite"))]
            return Err(Problem(NO_SQLITE.into()));
            #[cfg(feature = "sqlite")]
            Database::new(store, log.clone())
        };
        database.map(Self::Database).map_err(failed)
    }
}

impl Forms {
    /// Keeps what is still to be kept, and lets go of the database.
    pub(super) fn close(&self) {
        match self {
            Self::Memory(_) => {}
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            Self::Database(database) => database.close(),
        }
    }
}

impl Submissions for Forms {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        match self {
            Self::Memory(kept) => kept.submit(submission).await,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            Self::Database(database) => database.submit(submission).await,
        }
    }

    async fn begin(
        &self,
        submission: &Submission<'_>,
        later: Option<Later<'_>>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Memory(kept) => kept.begin(submission, later).await,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            Self::Database(database) => database.begin(submission, later).await,
        }
    }
}

impl Recall for Forms {
    const PAGE: usize = 50;

    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        match self {
            Self::Memory(kept) => kept.recall(age, into).await,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            Self::Database(database) => database.recall(age, into).await,
        }
    }
}
