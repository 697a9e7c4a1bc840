//! As CSV (RFC 4180).
//!
//! Forms hold what strangers sent, and a spreadsheet runs a cell that begins like a formula. An apostrophe
//! before such a cell makes it text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Write;

use ::csv::{ErrorKind, Terminator, WriterBuilder};

use super::{Failure, Snapshot, received_at};
use crate::database::row;

/// Columns of a spreadsheet at most.
pub(super) const COLUMNS: usize = 16_384;

/// The columns before those of the fields.
const FIRST: [&str; 4] = ["id", "received_at", "path", "remote"];

pub(super) fn export(snapshot: &mut dyn Snapshot, out: &mut dyn Write) -> Result<(), Failure> {
    let (mut names, mut columns) = (Vec::new(), HashMap::new());
    snapshot.each(&mut |_, row| {
        for row::Field { name, .. } in row::read(&row.fields) {
            if columns.contains_key(&name) {
                continue;
            }
            if FIRST.len() + names.len() >= COLUMNS {
                return Err(Failure::Columns);
            }
            columns.insert(name.clone(), names.len());
            names.push(name);
        }
        Ok(())
    })?;

    let mut out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    out.write_record(FIRST.map(str::to_owned).into_iter().chain(heads(&names))).map_err(failure)?;
    let mut cells: Vec<Option<String>> = vec![None; names.len()];
    snapshot.each(&mut |id, row| {
        for row::Field { name, value, file } in row::read(&row.fields) {
            // Where a file is kept, its name there says where: another one may have been sent before.
            let value = file.and_then(|(.., kept)| kept).unwrap_or(value);
            let Some(cell) = columns.get(&name).and_then(|&column| cells.get_mut(column)) else {
                continue;
            };
            match cell {
                // A name may occur more than once.
                Some(text) => {
                    text.push('\n');
                    text.push_str(&value);
                }
                None => *cell = Some(value),
            }
        }
        let (id, received_at) = (id.to_string(), received_at(row).unwrap_or_default());
        for cell in [&id, &received_at, &row.path, row.remote.as_deref().unwrap_or_default()] {
            out.write_field(&*defused(cell)).map_err(failure)?;
        }
        for cell in &mut cells {
            let text = cell.take().unwrap_or_default();
            out.write_field(&*defused(&text)).map_err(failure)?;
        }
        out.write_record(None::<&[u8]>).map_err(failure)
    })?;
    Ok(out.flush()?)
}

/// The names of fields as heads of columns, each another one: what a column before it has gets a number.
fn heads(names: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = FIRST.map(str::to_owned).into();
    let head = |name: &String| {
        let plain = defused(name).into_owned();
        let (mut head, mut number) = (plain.clone(), 1);
        while !taken.insert(head.clone()) {
            number += 1;
            head = format!("{plain} {number}");
        }
        head
    };
    names.iter().map(head).collect()
}

/// `cell` with an apostrophe before it, where a spreadsheet would take it for a formula.
fn defused(cell: &str) -> Cow<'_, str> {
    // The last four are full-width forms, which some programs take for the first four.
    let begins =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if cell.starts_with(begins) { Cow::from(format!("'{cell}")) } else { Cow::from(cell) }
}

fn failure(error: ::csv::Error) -> Failure {
    match error.into_kind() {
        ErrorKind::Io(error) => Failure::Write(error),
        other => Failure::Write(std::io::Error::other(format!("{other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Rows, exported, row};
    use super::super::{Format, Row};
    use super::*;

    #[test]
    fn there_is_a_column_for_each_name() {
        assert_eq!(exported(&[], Format::Csv), "id,received_at,path,remote\r\n");
        let bare = Row { received_at: None, remote: None, ..row("[]") };
        let rows = [
            row(r#"[["b","1"],["a","x,\"y\""],["b","\u00e9"]]"#),
            bare,
            row(r#"[["c","f.txt",{"size":1}],["a",""]]"#),
            row(r#"[["c","f.txt",{"file":"f-1.txt","size":1,"type":"text/plain"}]]"#),
        ];
        assert_eq!(
            exported(&rows, Format::Csv),
            "id,received_at,path,remote,b,a,c\r\n\
             1,1994-11-06T08:49:37Z,/,::1,\"1\n\u{e9}\",\"x,\"\"y\"\"\",\r\n\
             2,,/,,,,\r\n\
             3,1994-11-06T08:49:37Z,/,::1,,,f.txt\r\n\
             4,1994-11-06T08:49:37Z,/,::1,,,f-1.txt\r\n"
        );
    }

    #[test]
    fn no_two_columns_have_one_head() {
        let rows = [row(
            r#"[["id","a"],["c","b"],["id 2","c"],["path","d"],["ID","e"],["=n","f"],["'=n","g"]]"#,
        )];
        assert_eq!(
            exported(&rows, Format::Csv),
            "id,received_at,path,remote,id 2,c,id 2 2,path 2,ID,'=n,'=n 2\r\n\
             1,1994-11-06T08:49:37Z,/,::1,a,b,c,d,e,f,g\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("\u{ff20}a", "'\u{ff20}a"),
            ("1=1", "1=1"),
            ("", ""),
        ] {
            assert_eq!(defused(cell), expected);
        }
        // Neither is a name, and neither is the path.
        let hostile = Row { path: "=a".into(), ..row(r#"[["=n","-v"]]"#) };
        assert_eq!(
            exported(&[hostile], Format::Csv),
            "id,received_at,path,remote,'=n\r\n1,1994-11-06T08:49:37Z,'=a,::1,'-v\r\n"
        );
    }

    #[test]
    fn there_are_no_more_columns_than_a_spreadsheet_has() {
        let many = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            let fields = row::fields(names.iter().map(|name| (&**name, "", None)));
            export(&mut Rows(vec![row(&fields)]), &mut Vec::new())
        };
        assert!(many(COLUMNS - FIRST.len()).is_ok());
        assert!(matches!(many(COLUMNS), Err(Failure::Columns)));
    }
}
