//! A SQLite database that is only read.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::super::Row;
use super::super::export::{Failure, Snapshot};
use super::{BUSY, explain, missing};

const ALL: &str = "SELECT id, received_at, path, remote, fields FROM form ORDER BY id";

/// What a database in a file held when it was opened. Others may write to it meanwhile.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the database at `path` for reading.
    ///
    /// # Errors
    /// One line that says why it can't be used: also that there is none, as none is made.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        if !path.exists() {
            return Err(format!("there is no database '{shown}'"));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let begun = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY)?;
            // What is read from here on is what the first look sees.
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        });
        let connection = begun.map_err(|error| explain(path, &error))?;
        if !missing(&connection, path)?.is_empty() {
            return Err(format!(
                "the database '{shown}' is not set up for this Thimble: serve with it once"
            ));
        }
        Ok(Self { connection, path: path.to_owned() })
    }
}

impl Snapshot for Reader {
    fn each(
        &mut self,
        see: &mut dyn FnMut(i64, &Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error: rusqlite::Error| Failure::Database(explain(&self.path, &error));
        let mut select = self.connection.prepare(ALL).map_err(failed)?;
        let rows = select.query_map([], |row| {
            let kept = Row {
                received_at: row.get(1)?,
                path: row.get(2)?,
                remote: row.get(3)?,
                fields: row.get(4)?,
            };
            Ok((row.get(0)?, kept))
        });
        for row in rows.map_err(failed)? {
            let (id, row) = row.map_err(failed)?;
            see(id, &row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Sqlite;
    use super::*;
    use crate::database::Store as _;

    fn refused(path: &Path) -> String {
        Reader::open(path).err().unwrap_or_default()
    }

    fn row(path: &str) -> Row {
        Row { received_at: None, path: path.into(), remote: None, fields: "[]".into() }
    }

    fn paths(reader: &mut Reader) -> Vec<String> {
        let mut paths = Vec::new();
        reader
            .each(&mut |id, row| {
                paths.push(format!("{id}{}", row.path));
                Ok(())
            })
            .unwrap();
        paths
    }

    #[test]
    fn it_shows_what_was_there_when_it_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        let mut database = Sqlite::open(&path).unwrap();
        database.commit(&[row("/a"), row("/b")]).unwrap();
        let mut reader = Reader::open(&path).unwrap();
        database.commit(&[row("/c")]).unwrap();
        for _ in 0..2 {
            assert_eq!(paths(&mut reader), ["1/a", "2/b"]);
        }
        drop(database);
        assert_eq!(paths(&mut Reader::open(&path).unwrap()), ["1/a", "2/b", "3/c"]);
    }

    #[test]
    fn it_makes_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forms.db");
        assert!(refused(&path).starts_with("there is no database"), "{}", refused(&path));
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        assert!(refused(&path).contains("is not set up"), "{}", refused(&path));
        assert_eq!(fs::read(&path).unwrap(), b"");
        drop(Sqlite::open(&path).unwrap());
        let reader = Reader::open(&path).unwrap();
        assert!(reader.connection.execute_batch("DELETE FROM form").is_err());
    }
}
