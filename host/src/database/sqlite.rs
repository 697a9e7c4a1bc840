//! Rows in a SQLite database.

mod reader;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::{Row, Store};

pub use reader::Reader;

/// What says that a database is one of Thimble's: `Thim` in ASCII.
const APPLICATION_ID: i64 = 0x5468_696d;

/// How long a process waits while another one writes.
const BUSY: Duration = Duration::from_secs(5);

/// What leads from one version of the schema to the next; the first from an empty database.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE form (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        received_at INTEGER,
        path TEXT NOT NULL,
        remote TEXT,
        fields TEXT NOT NULL CHECK (json_valid(fields) AND json_type(fields) = 'array')
    ) STRICT;
"];

const INSERT: &str = "INSERT INTO form (received_at, path, remote, fields) VALUES (?, ?, ?, ?)";

const LATEST: &str =
    "SELECT received_at, path, remote, fields FROM form ORDER BY id DESC LIMIT ? OFFSET ?";

/// A database in a file, open for writing. Other processes may read and write it meanwhile.
///
/// It is in WAL mode with `synchronous = FULL`: what was committed survives the end of the process
/// and of the system.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    /// Which file it is, by device and number; `None` if it is none.
    file: Option<(u64, u64)>,
}

impl Sqlite {
    /// Opens the database at `path`, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// One line that says why it can't be used, and what to do.
    pub fn open(path: &Path) -> Result<Self, String> {
        // SQLite would take none for one in memory.
        if path.as_os_str().is_empty() {
            return Err("the database has no name: name a file".into());
        }
        let shown = path.display();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(|connection| connection.busy_timeout(BUSY).map(|()| connection))
            .map_err(|error| explain(path, &error))?;
        let mut database = Self { connection, path: path.to_owned(), file: None };
        database.migrate()?;
        database.file = file_at(path);
        let mode = database.pragma("journal_mode = WAL")?;
        if mode != "wal" {
            return Err(format!(
                "the database '{shown}' can't be in WAL mode: put it on a local file system"
            ));
        }
        database
            .connection
            .execute_batch("PRAGMA synchronous = FULL")
            .map_err(|error| explain(path, &error))?;
        Ok(database)
    }

    fn pragma(&self, pragma: &str) -> Result<String, String> {
        self.connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
            .map_err(|error| explain(&self.path, &error))
    }

    /// Brings the schema up to date, in one transaction.
    fn migrate(&mut self) -> Result<(), String> {
        let Self { connection, path, .. } = self;
        let failed = |error: rusqlite::Error| explain(path, &error);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let missing = missing(&transaction, path)?;
        for migration in missing {
            transaction.execute_batch(migration).map_err(failed)?;
        }
        if !missing.is_empty() {
            let known = MIGRATIONS.len();
            let numbers =
                format!("PRAGMA user_version = {known}; PRAGMA application_id = {APPLICATION_ID}");
            transaction.execute_batch(&numbers).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }
}

impl Store for Sqlite {
    fn commit(&mut self, rows: &[Row]) -> Result<(), String> {
        let Self { connection, path, file } = self;
        if file_at(path) != *file {
            return Err(format!(
                "the database '{}' was moved or removed while it was open: put it back, or start again",
                path.display()
            ));
        }
        let outcome = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let mut insert = transaction.prepare_cached(INSERT)?;
                for Row { received_at, path, remote, fields } in rows {
                    insert.execute(params![received_at, path, remote, fields])?;
                }
                drop(insert);
                // Without it, the transaction is rolled back.
                transaction.commit()
            });
        outcome.map_err(|error| explain(path, &error))
    }

    fn latest(&mut self, skipped: u64, count: u64) -> Result<Vec<Row>, String> {
        let read = || {
            let mut select = self.connection.prepare_cached(LATEST)?;
            let rows = select.query_map(params![number(count), number(skipped)], |row| {
                Ok(Row {
                    received_at: row.get(0)?,
                    path: row.get(1)?,
                    remote: row.get(2)?,
                    fields: row.get(3)?,
                })
            })?;
            rows.collect::<Result<_, rusqlite::Error>>()
        };
        read().map_err(|error| explain(&self.path, &error))
    }
}

/// The migrations that the database lacks: none if it is up to date, all if it is empty.
fn missing(connection: &Connection, path: &Path) -> Result<&'static [&'static str], String> {
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        number.map_err(|error| explain(path, &error))
    };
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let shown = path.display();
    let done = match usize::try_from(version) {
        Ok(0) if tables == 0 => 0,
        Ok(done @ 1..) if application == APPLICATION_ID => done,
        _ => {
            return Err(format!(
                "'{shown}' is a database of another program: name a file of its own"
            ));
        }
    };
    MIGRATIONS.get(done..).ok_or_else(|| {
        format!(
            "the database '{shown}' was made by a newer Thimble (schema {version}, known up to {}): \
             use that, or name another file",
            MIGRATIONS.len()
        )
    })
}

/// The file at `path`, by device and number. What is committed to another one is found by nobody.
fn file_at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// As SQLite counts.
fn number(number: u64) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// One line on what is wrong with the database at `path`.
fn explain(path: &Path, error: &rusqlite::Error) -> String {
    let is_folder = path.is_dir();
    // That of a mere name is the current one.
    let has_folder =
        path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) if is_folder => {
            format!("'{path}' is a folder: name a file for the database")
        }
        // What stands behind that may be a password.
        Some(ErrorCode::CannotOpen) if path.to_string().contains("://") => {
            "of databases by URL, only postgres:// is known: give such a one, or name a file".into()
        }
        Some(ErrorCode::CannotOpen) if has_folder => {
            format!("can't open the database '{path}': it or its folder may not be written")
        }
        Some(ErrorCode::CannotOpen) => {
            format!("can't open the database '{path}': make its folder first")
        }
        Some(ErrorCode::NotADatabase) => {
            format!("'{path}' is no SQLite database: name another file")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("the database '{path}' is damaged: restore it, or name another file")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!(
                "the database '{path}' may not be written: change its permissions and its folder's"
            )
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("the database '{path}' is locked by another program")
        }
        Some(ErrorCode::DiskFull) => format!("no room is left for the database '{path}'"),
        _ => format!("the database '{path}' failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str) -> Row {
        let fields = r#"[["a","1"]]"#.into();
        Row { received_at: Some(7), path: path.into(), remote: Some("::1".into()), fields }
    }

    fn opened(path: &Path) -> String {
        Sqlite::open(path).err().unwrap_or_default()
    }

    #[test]
    fn rows_are_there_for_others_as_soon_as_they_are_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        let (mut one, mut other) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
        one.commit(&[row("/a"), row("/b")]).unwrap();
        other.commit(&[row("/c")]).unwrap();
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let all: String = reader
            .query_row(
                "SELECT group_concat(id || path || received_at || remote || fields) FROM form",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(all, r#"1/a7::1[["a","1"]],2/b7::1[["a","1"]],3/c7::1[["a","1"]]"#);
        assert_eq!(one.latest(1, 9).unwrap(), [row("/b"), row("/a")]);
    }

    #[test]
    fn a_group_is_committed_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        let mut database = Sqlite::open(&path).unwrap();
        let broken = Row { fields: "{".into(), ..row("/b") };
        assert!(database.commit(&[row("/a"), broken]).is_err());
        database.commit(&[row("/c")]).unwrap();
        let count: i64 = database
            .connection
            .query_row("SELECT count(*) FROM form", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let missing = at("no/forms.db");
        assert!(opened(&missing).starts_with("can't open the database "), "{}", opened(&missing));
        let text = at("text");
        fs::write(&text, "x".repeat(5000)).unwrap();
        assert!(opened(&text).contains("is no SQLite database"), "{}", opened(&text));
        let other = at("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        assert!(opened(&other).contains("of another program"), "{}", opened(&other));
        let newer = at("newer.db");
        assert_eq!(opened(&newer), "");
        Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
        assert!(opened(&newer).contains("a newer Thimble (schema 99"), "{}", opened(&newer));
    }

    #[test]
    fn nothing_is_committed_to_a_file_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        let mut database = Sqlite::open(&path).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        assert!(database.commit(&[row("/a")]).unwrap_err().contains("was moved or removed"));
        fs::rename(&elsewhere, &path).unwrap();
        database.commit(&[row("/b")]).unwrap();
    }

    #[test]
    fn a_full_disk_and_a_lock_refuse_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        let mut database = Sqlite::open(&path).unwrap();
        database.connection.busy_timeout(Duration::ZERO).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(database.commit(&[row("/a")]).unwrap_err().contains("is locked"));
        other.execute_batch("ROLLBACK").unwrap();
        database.connection.execute_batch("PRAGMA max_page_count = 3").unwrap();
        let large = Row { fields: format!("[[\"a\",\"{}\"]]", "x".repeat(100_000)), ..row("/a") };
        assert!(database.commit(&[large]).unwrap_err().contains("no room is left"));
        database.connection.execute_batch("PRAGMA max_page_count = 10000").unwrap();
        database.commit(&[row("/b")]).unwrap();
    }
}
