//! What the tests of every frontend share.

pub mod board;
pub mod cases;
pub mod command;
pub mod heads;
pub mod memory;
pub mod until;
pub mod wire;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Cargo finds tests by itself in one folder only, and passes others by without a word.
    #[test]
    fn every_file_of_tests_is_a_target() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}"));
        let manifest = read(&here.join("Cargo.toml"));
        let others = ["app", "bench", "fixtures", "fuzz", "size", "src"];
        let mut count = 0;
        for group in fs::read_dir(here).into_iter().flatten().flatten() {
            let name = group.file_name();
            let Some(name) = name.to_str().filter(|name| !others.contains(name)) else { continue };
            for file in fs::read_dir(group.path()).into_iter().flatten().flatten() {
                let path = file.path();
                if path.extension().is_some_and(|extension| extension == "rs") {
                    let entry = format!("path = \"{name}/{}\"", file.file_name().display());
                    assert!(manifest.contains(&entry), "Cargo.toml has no test with {entry}");
                    count += 1;
                }
            }
        }
        assert!(count > 20, "{count} files");
    }
}
