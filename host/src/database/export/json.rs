//! As JSON: an array of objects, one a line.

use std::io::Write;

use serde_json::Value;

use super::{Failure, Snapshot, received_at};

pub(super) fn export(snapshot: &mut dyn Snapshot, out: &mut dyn Write) -> Result<(), Failure> {
    let mut before = "[\n";
    snapshot.each(&mut |id, row| {
        let received_at = Value::from(received_at(row));
        let path = Value::from(&*row.path);
        let remote = Value::from(row.remote.as_deref());
        // The database holds only what is JSON.
        let fields = &row.fields;
        write!(
            out,
            r#"{before}{{"id":{id},"received_at":{received_at},"path":{path},"remote":{remote},"fields":{fields}}}"#
        )?;
        before = ",\n";
        Ok(())
    })?;
    let end = if before == "[\n" { "[]\n" } else { "\n]\n" };
    out.write_all(end.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{exported, row};
    use super::super::{Format, Row};

    #[test]
    fn each_row_is_an_object() {
        assert_eq!(exported(&[], Format::Json), "[]\n");
        let bare = Row { received_at: None, path: "/\"".into(), remote: None, fields: "[]".into() };
        assert_eq!(
            exported(&[row(r#"[["a","=1"],["a","b.txt",{"size":1}]]"#), bare], Format::Json),
            r#"[
{"id":1,"received_at":"1994-11-06T08:49:37Z","path":"/","remote":"::1","fields":[["a","=1"],["a","b.txt",{"size":1}]]},
{"id":2,"received_at":null,"path":"/\"","remote":null,"fields":[]}
]
"#
        );
    }
}
