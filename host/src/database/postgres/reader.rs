//! A PostgreSQL database that is only read.

use postgres::Client;

use super::super::Row;
use super::super::export::{Failure, Snapshot};
use super::{MIGRATIONS, Postgres, explain, missing};

/// Rows that are in memory at a time.
const PAGE: i64 = 16;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const NEXT: &str = "
    SELECT id, received_at, path, remote, fields::text FROM form WHERE id > $1 ORDER BY id LIMIT $2
";

/// What a database held when it was opened. Others may write to it meanwhile.
pub struct Reader(Client);

impl std::fmt::Debug for Reader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Connects to the database at `url`, as [`Postgres::open`] does, and changes nothing there.
    ///
    /// # Errors
    /// One line that says why it can't be used, without the password.
    pub fn open(url: &str) -> Result<Self, String> {
        let mut client = Postgres::to(url)?.connected()?;
        let failed =
            |error: postgres::Error| format!("the database can't be read: {}", explain(&error));
        client.batch_execute(BEGIN).map_err(failed)?;
        let is_there = client
            .query_one("SELECT to_regclass('thimble_schema') IS NOT NULL", &[])
            .and_then(|row| row.try_get(0))
            .map_err(failed)?;
        let missing = if is_there { missing(&mut client)?.1 } else { &MIGRATIONS };
        if missing.is_empty() {
            Ok(Self(client))
        } else {
            Err("the database is not set up for this Thimble: serve with it once".into())
        }
    }
}

impl Snapshot for Reader {
    fn each(
        &mut self,
        see: &mut dyn FnMut(i64, &Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error: postgres::Error| {
            Failure::Database(format!("the database can't be read: {}", explain(&error)))
        };
        let next = self.0.prepare(NEXT).map_err(failed)?;
        let mut last = i64::MIN;
        loop {
            let rows = self.0.query(&next, &[&last, &PAGE]).map_err(failed)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                last = row.try_get(0).map_err(failed)?;
                let read = || {
                    Ok(Row {
                        received_at: row.try_get(1)?,
                        path: row.try_get(2)?,
                        remote: row.try_get(3)?,
                        fields: row.try_get(4)?,
                    })
                };
                see(last, &read().map_err(failed)?)?;
            }
        }
    }
}
