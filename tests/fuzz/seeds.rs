//! Writes the rows of the case tables to the folders that the fuzz targets begin with.
//!
//! usage: `cargo run -p thimble-tests --example seeds`

use std::path::Path;
use std::{fs, io};

use thimble_tests::cases;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let targets =
        ["head", "one_truth", "chunked", "form", "connection"].map(|target| corpus.join(target));
    targets.iter().try_for_each(fs::create_dir_all)?;
    let [head, one_truth, chunked, form, connection] = targets;
    for (number, case) in cases::all().map_err(io::Error::other)?.iter().enumerate() {
        let name = format!("row-{number}");
        fs::write(connection.join(&name), &case.send)?;
        let end = case.send.windows(4).position(|window| window == b"\r\n\r\n");
        let (lines, content) = case.send.split_at(end.map_or(case.send.len(), |end| end + 4));
        fs::write(head.join(&name), lines)?;
        fs::write(one_truth.join(&name), lines)?;
        if case.table == "chunked" {
            fs::write(chunked.join(&name), content)?;
        }
        if case.table == "forms" {
            fs::write(form.join(&name), content)?;
        }
    }
    println!("{}", corpus.display());
    Ok(())
}
