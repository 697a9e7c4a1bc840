//! What `--export` does.

use std::io::{BufWriter, ErrorKind, stdout};

use super::Problem;
#[cfg(not(feature = "postgres"))]
use super::forms::NO_POSTGRES;
#[cfg(not(feature = "sqlite"))]
use super::forms::NO_SQLITE;
use super::forms::is_url;
use crate::database::export::{Failure, Format, Snapshot, export};
#[cfg(feature = "postgres")]
use crate::database::postgres;
#[cfg(feature = "sqlite")]
use crate::database::sqlite;

/// Opens what `name` names as it is named to keep forms in.
fn open(name: &str) -> Result<Box<dyn Snapshot>, String> {
    if is_url(name) {
        #[cfg(feature = "postgres")]
        return Ok(Box::new(postgres::Reader::open(name)?));
        #[cfg(not(feature = "postgres"))]
        return Err(NO_POSTGRES.into());
    }
    #[cfg(feature = "sqlite")]
    return Ok(Box::new(sqlite::Reader::open(name.as_ref())?));
    #[cfg(not(feature = "sqlite"))]
    return Err(NO_SQLITE.into());
}

/// Writes the forms in the database that is named to standard output. It ends quietly when that is a pipe
/// whose reader has ended.
pub(super) fn print(database: &str, format: Format) -> Result<(), Problem> {
    let mut snapshot = open(database).map_err(Problem)?;
    match export(snapshot.as_mut(), format, &mut BufWriter::new(stdout().lock())) {
        Err(Failure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|failure| Problem(failure.to_string())),
    }
}
