//! What SQLite alone commits: `commits FILE SECONDS` inserts forms in groups of 256, each by one
//! transaction with `synchronous = FULL`, and prints how many forms a second that makes.
//!
//! It is what `tests/bench/forms` compares the server with.

use std::error::Error;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior, params};
use thimble_host::database::queue::GROUP;
use thimble_host::database::{Sqlite, row};

const INSERT: &str = "INSERT INTO form (received_at, path, remote, fields) VALUES (?, ?, ?, ?)";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(seconds)) = (arguments.next(), arguments.next()) else {
        return Err("commits FILE SECONDS".into());
    };
    // Only the table is the server's.
    drop(Sqlite::open(file.as_ref())?);
    let mut connection = Connection::open(file)?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    let fields =
        row::fields([("name", "Ann Lee", None), ("city", "Springfield", None)].into_iter());
    let (begun, limit) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    let mut forms = 0;
    while begun.elapsed() < limit {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for _ in 0..GROUP {
            insert.execute(params![1_700_000_000_i64, "/", "127.0.0.1", fields])?;
        }
        drop(insert);
        transaction.commit()?;
        forms += u32::try_from(GROUP)?;
    }
    println!("{:.0}", f64::from(forms) / begun.elapsed().as_secs_f64());
    Ok(())
}
