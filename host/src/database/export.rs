//! All that a database holds, as CSV or JSON.

mod csv;
mod json;

use std::fmt;
use std::io::{self, Write};

use thimble_core::grammar::date::{UnixTime, iso_minutes};

use super::Row;

/// What forms are exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "command", derive(clap::ValueEnum))]
pub enum Format {
    /// A table for spreadsheets (RFC 4180), in UTF-8: `id`, `received_at`, `path` and `remote`, and a
    /// column for each field name that occurs. A file shows as the name under which it is kept, or else as
    /// the one that it was sent with.
    Csv,
    /// An array of objects, with `id`, `received_at`, `path`, `remote` and `fields`, which say of a
    /// file both the name that it was sent with and the one under which it is kept.
    Json,
}

/// What a database held at one moment.
pub trait Snapshot {
    /// Shows each row to `see`, with its id, the oldest first, and until `see` fails. Only a few rows
    /// are in memory at a time.
    ///
    /// # Errors
    /// The rows can't be read, or `see` failed.
    fn each(
        &mut self,
        see: &mut dyn FnMut(i64, &Row) -> Result<(), Failure>,
    ) -> Result<(), Failure>;
}

/// Why an export is not whole.
#[derive(Debug)]
pub enum Failure {
    /// The database can't be read; one line says why.
    Database(String),
    /// There are more field names than a spreadsheet has columns.
    Columns,
    /// It can't be written.
    Write(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(reason) => out.write_str(reason),
            Self::Columns => write!(
                out,
                "the forms have more field names than a spreadsheet has columns ({}): export JSON",
                csv::COLUMNS
            ),
            Self::Write(error) => write!(out, "can't write what is exported: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Writes all rows of `snapshot` to `out`.
///
/// # Errors
/// What is written is not all.
pub fn export(
    snapshot: &mut dyn Snapshot,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match format {
        Format::Csv => csv::export(snapshot, out),
        Format::Json => json::export(snapshot, out),
    }
}

/// The time of `row` in UTC, as RFC 3339 has it.
fn received_at(row: &Row) -> Option<String> {
    let seconds = row.received_at.and_then(|seconds| u64::try_from(seconds).ok())?;
    let minutes = iso_minutes(UnixTime(seconds));
    let (date, time) = std::str::from_utf8(&minutes).ok()?.split_once(' ')?;
    Some(format!("{date}T{time}:{:02}Z", seconds % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows in memory.
    pub(super) struct Rows(pub(super) Vec<Row>);

    impl Snapshot for Rows {
        fn each(
            &mut self,
            see: &mut dyn FnMut(i64, &Row) -> Result<(), Failure>,
        ) -> Result<(), Failure> {
            (1..).zip(&self.0).try_for_each(|(id, row)| see(id, row))
        }
    }

    pub(super) fn row(fields: &str) -> Row {
        Row {
            received_at: Some(784_111_777),
            path: "/".into(),
            remote: Some("::1".into()),
            fields: fields.into(),
        }
    }

    pub(super) fn exported(rows: &[Row], format: Format) -> String {
        let mut out = Vec::new();
        export(&mut Rows(rows.to_vec()), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        for (seconds, expected) in [
            (Some(784_111_777), Some("1994-11-06T08:49:37Z")),
            (Some(0), Some("1970-01-01T00:00:00Z")),
            (Some(951_868_799), Some("2000-02-29T23:59:59Z")),
            (Some(-1), None),
            (None, None),
        ] {
            let row = Row { received_at: seconds, ..row("[]") };
            assert_eq!(received_at(&row).as_deref(), expected);
        }
    }

    /// Takes so many octets, and no more.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let rows = vec![row(r#"[["a","1"]]"#); 1000];
        for format in [Format::Csv, Format::Json] {
            let failure = export(&mut Rows(rows.clone()), format, &mut Full(100)).unwrap_err();
            let Failure::Write(error) = failure else { panic!("{failure}") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
