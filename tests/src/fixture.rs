//! The folders that the servers of the case tables serve.
//!
//! What is checked in is copied, given its times, and joined by what neither git nor every file
//! system can hold: names that need escaping, and links. This file needs nothing but the standard
//! library, so that a build script can have the same folders made.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Result;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// When every file was last changed but those of `dated`, in seconds since 1970:
/// Sun, 06 Nov 1994 08:49:37 GMT.
pub const MODIFIED: u32 = 784_111_777;

/// When other files were last changed, in seconds since 1970.
const TIMES: [(&str, f64); 4] = [
    // Thu, 01 Jan 1970 00:00:00 GMT
    ("fixture/dated/epoch.txt", 0.0),
    // Thu, 29 Feb 2024 12:00:00 GMT
    ("fixture/dated/leap.txt", 1_709_208_000.0),
    // Nearly a second after the usual time.
    ("fixture/dated/fraction.txt", 784_111_777.9),
    // Fri, 01 Jan 2100 00:00:00 GMT, later than any clock here says
    ("fixture/dated/future.txt", 4_102_444_800.0),
];

/// Files that are made, and what they hold.
const MADE: [(&[u8], &[u8]); 28] = [
    (b"fixture/names/a b.txt", b"a space\n"),
    (b"fixture/names/a\"b.txt", b"a quotation mark\n"),
    (b"fixture/names/a'b.txt", b"an apostrophe\n"),
    (b"fixture/names/a<b>.txt", b"angle brackets\n"),
    (b"fixture/names/a&amp;b.txt", b"an ampersand\n"),
    (b"fixture/names/a%41.txt", b"a percent sign\n"),
    (b"fixture/names/a#b.txt", b"a number sign\n"),
    (b"fixture/names/a?b.txt", b"a question mark\n"),
    (b"fixture/names/a\\b.txt", b"a backslash\n"),
    (b"fixture/names/a:b.txt", b"a colon\n"),
    (b"fixture/names/a;b=c.txt", b"a semicolon\n"),
    (b"fixture/names/a+b.txt", b"a plus sign\n"),
    (b"fixture/names/a\nb.txt", b"a line feed\n"),
    (b"fixture/names/a\xc3\xa4.txt", b"beyond ASCII\n"),
    (b"fixture/names/a\xf0\x9f\xaa\xa1.txt", b"beyond the first plane\n"),
    (b"fixture/names/a\xff.txt", b"not UTF-8\n"),
    (b"fixture/names/~[a]!$(b),@^`{|}.txt", b"punctuation\n"),
    (b"fixture/names/a folder/index.html", b"<!DOCTYPE html>\n<title>A folder</title>\n"),
    (b"fixture/names/a:folder/file.txt", b"below a colon\n"),
    (b"fixture/names/http:/file.txt", b"below what looks like a scheme\n"),
    (b"fixture/numbers/10/file.txt", b"in a folder\n"),
    (b"fixture/numbers/9/file.txt", b"in a folder\n"),
    (b"fixture/numbers/1", b"1\n"),
    (b"fixture/numbers/page 2.txt", b"2\n"),
    (b"fixture/numbers/Page 11.txt", b"11\n"),
    (b"fixture/numbers/page 100.txt", b"100\n"),
    (b"fixture/unseen/a\xe2\x80\xaegpj.exe", b"it seems to be a picture\n"),
    (b"fixture/unseen/a\xef\xbb\xbf\xe2\x80\x8b\xc2\xad.txt", b"three that take no room\n"),
];

/// Names of text files in `mime`, and some that are not.
const NAMES: [&str; 6] = ["README", "LICENSE-MIT", "Makefile", "dockerfile", "READMES", "firmware"];

/// What the names of files in `mime` end with. That of a file without any dot is `plain`.
const ENDINGS: [&str; 85] = [
    "cjs",
    "ts",
    "tsx",
    "jsx",
    "mts",
    "cts",
    "vue",
    "svelte",
    "html",
    "htm",
    "xhtml",
    "css",
    "js",
    "mjs",
    "json",
    "map",
    "webmanifest",
    "wasm",
    "txt",
    "md",
    "csv",
    "tsv",
    "xml",
    "svg",
    "png",
    "apng",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "avif",
    "jxl",
    "heic",
    "ico",
    "bmp",
    "tif",
    "tiff",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "ttc",
    "eot",
    "pdf",
    "epub",
    "zip",
    "gz",
    "zst",
    "tar",
    "7z",
    "mp4",
    "webm",
    "mov",
    "ogv",
    "3gp",
    "mp3",
    "m4a",
    "aac",
    "flac",
    "oga",
    "ogg",
    "opus",
    "weba",
    "wav",
    "m3u8",
    "mpd",
    "vtt",
    "ics",
    "vcf",
    "yaml",
    "yml",
    "toml",
    "sql",
    "jsonld",
    "geojson",
    "atom",
    "rss",
    "docx",
    "xlsx",
    "pptx",
    "odt",
    "glb",
    "gltf",
    "stl",
    "apk",
];

/// Links that are made, and what they say.
const LINKS: [(&str, &str); 8] = [
    ("fixture/links/file.txt", "../hello.txt"),
    ("fixture/links/folder", "../sub"),
    ("fixture/links/twice.txt", "file.txt"),
    ("fixture/links/nothing.txt", "no-such-file.txt"),
    ("fixture/links/itself.txt", "itself.txt"),
    ("fixture/links/outside.txt", "/etc/passwd"),
    ("fixture/links/outside", "/etc"),
    ("fixture/links/above", "../.."),
];

/// Writes the folder that is checked in as `name` to `target`, and all that belongs to it.
///
/// # Errors
/// It can't be read or written.
pub fn write(name: &str, target: &Path) -> Result<()> {
    write_from(Path::new(env!("CARGO_MANIFEST_DIR")), name, target)
}

/// The same, where the folders that are checked in stand in `above`.
///
/// # Errors
/// It can't be read or written.
pub fn write_from(above: &Path, name: &str, target: &Path) -> Result<()> {
    copy(&above.join(name), target)?;
    let below = |path: &'static [u8]| {
        let path = path.strip_prefix(name.as_bytes())?.strip_prefix(b"/")?;
        Some(target.join(OsStr::from_bytes(path)))
    };
    for (path, content) in MADE {
        if let Some(path) = below(path) {
            fs::create_dir_all(path.parent().unwrap_or(target))?;
            fs::write(&path, content)?;
        }
    }
    if let Some(folder) = below(b"fixture/mime") {
        for ending in ENDINGS {
            fs::write(folder.join(format!("a.{ending}")), "a file\n")?;
        }
        for name in NAMES {
            fs::write(folder.join(name), "a file\n")?;
        }
    }
    for (path, says) in LINKS {
        if let Some(path) = below(path.as_bytes()) {
            fs::create_dir_all(path.parent().unwrap_or(target))?;
            symlink(says, path)?;
        }
    }
    set_times(target, f64::from(MODIFIED))?;
    for (path, seconds) in TIMES {
        if let Some(path) = below(path.as_bytes()) {
            set_time(&path, seconds)?;
        }
    }
    Ok(())
}

fn copy(source: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Of all that is in a folder, and of itself.
fn set_times(folder: &Path, seconds: f64) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            set_times(&entry.path(), seconds)?;
        } else if kind.is_file() {
            set_time(&entry.path(), seconds)?;
        }
    }
    set_time(folder, seconds)
}

fn set_time(path: &Path, seconds: f64) -> Result<()> {
    File::open(path)?.set_modified(UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    fn written(name: &str) -> TempDir {
        let folder = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
        write(name, folder.path()).unwrap_or_else(|error| panic!("{error}"));
        folder
    }

    #[test]
    fn all_that_belongs_to_a_folder_is_there() {
        let folder = written("fixture");
        let at = |path: &[u8]| {
            folder.path().join(OsStr::from_bytes(path.strip_prefix(b"fixture/").unwrap_or(path)))
        };
        for (path, content) in MADE {
            assert_eq!(
                fs::read(at(path)).ok().as_deref(),
                Some(content),
                "{}",
                path.escape_ascii()
            );
        }
        for (path, says) in LINKS {
            let found = fs::read_link(at(path.as_bytes())).ok();
            assert_eq!(found.as_deref(), Some(Path::new(says)), "{path}");
        }
        let seconds = |path: &str| {
            let modified = fs::metadata(at(path.as_bytes())).and_then(|known| known.modified());
            let since = modified.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default());
            since.map_or(-1.0, |since| since.as_secs_f64())
        };
        for (path, time) in TIMES {
            assert!((seconds(path) - time).abs() < 0.001, "{path}: {}", seconds(path));
        }
        for path in ["hello.txt", "sub", "sub/index.html", "names/a b.txt", "."] {
            assert!((seconds(path) - f64::from(MODIFIED)).abs() < 0.001, "{path}");
        }
        assert!(!written("fixture404").path().join("names").exists());
    }

    #[test]
    fn variants_hold_what_they_are_variants_of() {
        let folder = written("fixture");
        for name in ["coded/all.txt", "coded/gzip.html", "coded/index.html"] {
            let path = folder.path().join(name);
            let decoded =
                Command::new("gzip").arg("-dc").arg(path.with_added_extension("gz")).output();
            assert_eq!(decoded.ok().map(|output| output.stdout), fs::read(&path).ok(), "{name}");
        }
    }
}
