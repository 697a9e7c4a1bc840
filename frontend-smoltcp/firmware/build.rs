//! Tells the linker where `memory.x` and `device.x` are, and builds images of the files to be served.

use std::path::PathBuf;
use std::{env, fs};

use thimble_image::Builder;
use thimble_test_fixtures::{checked_in, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rerun-if-changed=device.x");
    Builder::new("../../site").build("site.rs")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for root in ["fixture", "fixture404"] {
        println!("cargo::rerun-if-changed={}", checked_in(root).display());
        let folder = out.join(root);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        write(root, &folder)?;
        Builder::new(folder)
            .without_gzip()
            .include_hidden()
            .write(out.join(root).with_extension("rs"))?;
    }
    Ok(())
}
