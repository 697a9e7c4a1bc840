//! Says where the linker finds `memory.x`, and writes down which files the images serve.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo:rustc-link-search={}", here.display());
    println!("cargo:rerun-if-changed=memory.x");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for (name, folder) in [("site", "../../site"), ("fixture", "../../tests/fixture")] {
        let folder = fs::canonicalize(here.join(folder))?;
        println!("cargo:rerun-if-changed={}", folder.display());
        let mut text = String::from("&[\n");
        list(&folder, "", &mut text)?;
        text.push(']');
        fs::write(out.join(name).with_extension("rs"), text)?;
    }
    Ok(())
}

/// A pair of name and content for each file below `folder`.
fn list(folder: &Path, above: &str, text: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), text)?;
        } else {
            let _ = writeln!(text, "({name:?}, include_bytes!({:?})),", entry.path());
        }
    }
    Ok(())
}
