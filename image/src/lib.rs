//! Builds a folder into a program, as the [`Image`] that a Thimble server serves without a file
//! system: in flash on a device, or in one binary on a desktop.
//!
//! # Example
//!
//! `Cargo.toml` has `thimble-image` in its `[build-dependencies]` and `thimble-core` in its
//! `[dependencies]`; `build.rs` is
//!
//! ```no_run
//! fn main() -> Result<(), thimble_image::Error> {
//!     // The folder `site` beside Cargo.toml becomes `site.rs` in the folder of cargo's outputs.
//!     thimble_image::Builder::new("site").build("site.rs")
//! }
//! ```
//!
//! and `main.rs` says
//!
//! ```ignore
//! use thimble_core::{Image, Site};
//!
//! static IMAGE: Image = include!(concat!(env!("OUT_DIR"), "/site.rs"));
//! static SITE: Site<'static, Image> = Site::new(IMAGE);
//! ```
//!
//! which every frontend serves like any other site. Cargo builds it anew when the folder changes.
//!
//! # What is built in
//!
//! An image answers exactly like its source folder, listings included:
//!
//! - Links to what is in the folder are followed. Other links are left out, and so is anything that is
//!   neither a file nor a directory. A file with several names is stored once.
//! - `NAME.gz`, `NAME.br` and `NAME.zst` beside `NAME`, if no older than it, are `NAME` in that content
//!   coding. They can also be requested by their own names. Without a `NAME.gz`, a gzip variant of `NAME` is made if it is at
//!   least a tenth smaller; [`Builder::without_gzip`] makes none.
//! - Media types come from the table in [`mime`]; [`Builder::content_type`] adds to it.
//! - Entity tags are computed from the content, so every build makes the same ones.
//! - Modification times are those of the files, but none is later than the environment variable
//!   `SOURCE_DATE_EPOCH`, if that is set. [`Builder::modified`] sets one time for all.
//!
//! Names that begin with a dot are left out, except `.well-known` in the root: a server serves them
//! only when it is told to, and flash is small. [`Builder::include_hidden`] takes them as well.
//!
//! The same folder gives the same source on every machine.

mod emit;
mod gzip;
mod walk;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, io};

use thimble_core::Image;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::mime;

/// Where cargo wants what a build script writes.
const OUT_DIR: &str = "OUT_DIR";
/// <https://reproducible-builds.org/specs/source-date-epoch/>
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Makes an [`Image`] of a folder.
#[derive(Clone, Debug)]
pub struct Builder {
    folder: PathBuf,
    makes_gzip: bool,
    takes_hidden: bool,
    modified: Option<UnixTime>,
    content_types: Vec<(String, String)>,
}

impl Builder {
    /// Makes an image of `folder`. In a build script, a relative path starts beside `Cargo.toml`. The folders
    /// `cgi-bin` and `htbin` are left out: what stands there is programs, which no image can run.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            makes_gzip: true,
            takes_hidden: false,
            modified: None,
            content_types: Vec::new(),
        }
    }

    /// Makes no gzip variants. Without this, each file that has no `NAME.gz` beside it gets one, if
    /// the variant is smaller by a tenth and by 100 octets: it takes more flash, and less time to send.
    #[must_use]
    pub fn without_gzip(self) -> Self {
        Self { makes_gzip: false, ..self }
    }

    /// Includes names that begin with a dot, for a server that
    /// [shows them](thimble_core::Site::show_hidden).
    #[must_use]
    pub fn include_hidden(self) -> Self {
        Self { takes_hidden: true, ..self }
    }

    /// Sets the modification time of everything, in seconds since 1970, instead of the times of the
    /// files.
    #[must_use]
    pub fn modified(self, seconds: u64) -> Self {
        Self { modified: Some(UnixTime(seconds)), ..self }
    }

    /// Sets the Content-Type of files whose names end in `.` and `extension`, in upper or lower case. One that
    /// is not valid is an error of [`build`](Self::build).
    #[must_use]
    pub fn content_type(mut self, extension: &str, content_type: &str) -> Self {
        self.content_types.push((extension.to_owned(), content_type.to_owned()));
        self
    }

    /// Writes the source of the image to the file `name` in cargo's `OUT_DIR`, and tells cargo to run the
    /// build script again when the folder changes. Call it in a build script.
    ///
    /// # Errors
    /// The folder can't be read, the source can't be written, or this is no build script.
    pub fn build(&self, name: &str) -> Result<(), Error> {
        let Some(out) = env::var_os(OUT_DIR) else {
            return Err(Error(format!("{OUT_DIR} is not set: call this in a build script")));
        };
        let folder = self.folder.to_str().filter(|folder| !folder.contains('\n'));
        let folder = folder.ok_or_else(|| {
            Error(format!("the path '{}' is not UTF-8 or has a line end, which cargo can't take: rename the folder", self.folder.display()))
        })?;
        println!("cargo::rerun-if-changed={folder}");
        println!("cargo::rerun-if-env-changed={SOURCE_DATE_EPOCH}");
        self.write(Path::new(&out).join(name))
    }

    /// Writes the source of the image, which is an expression, to `file`, and the contents that it
    /// includes to a folder beside it, named like `file` with `.d` appended.
    ///
    /// # Errors
    /// The folder can't be read, or the source can't be written.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file.as_ref();
        let image = self.leak()?;
        let mut contents = OsString::from(file);
        contents.push(".d");
        emit::write(&image, file, Path::new(&contents))
    }

    /// Makes the image now, in memory that is never freed. Use it in tests.
    ///
    /// ```
    /// let image = thimble_image::Builder::new("../site").leak()?;
    /// assert_eq!(image.directories().len(), 2);
    /// # Ok::<(), thimble_image::Error>(())
    /// ```
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn leak(&self) -> Result<Image, Error> {
        for (extension, content_type) in &self.content_types {
            let text = format!("{extension}={content_type}");
            if mime::own_type(&text).is_none() {
                return Err(Error(format!(
                    "'{extension}' and '{content_type}' are not an extension and a media type, such as 'md' and 'text/plain'"
                )));
            }
        }
        walk::walk(self, latest(env::var_os(SOURCE_DATE_EPOCH))?)
    }
}

/// The time that no file is later than, if `SOURCE_DATE_EPOCH` is set to `value`.
fn latest(value: Option<OsString>) -> Result<Option<UnixTime>, Error> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.to_str().and_then(|value| value.parse().ok()).map(UnixTime);
    let fault = || {
        Error(format!("{SOURCE_DATE_EPOCH} is '{}': set it to seconds since 1970", value.display()))
    };
    seconds.ok_or_else(fault).map(Some)
}

/// Why an image can't be made: one line, which `Debug` shows as well.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    fn of(what: &str, path: &Path, error: &io::Error) -> Self {
        Self(format!("can't {what} '{}': {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// An error that `main` returns is shown by this, so it is the same line.
impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Error {}

/// The examples in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    use tempfile::TempDir;
    use thimble_core::semantics::negotiate::Coding;
    use thimble_core::service::image::{Child, File, Kind};

    use super::*;

    /// A folder of files that hold their names, many times.
    fn folder(names: &[&str]) -> TempDir {
        let folder = TempDir::with_prefix("thimble-").unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("{name}\n").repeat(100)).unwrap();
        }
        folder
    }

    /// The names in each directory of an image, those of directories with a slash.
    fn names(image: &Image) -> Vec<Vec<String>> {
        let name = |child: &Child| {
            let slash = if matches!(child.kind, Kind::Directory { .. }) { "/" } else { "" };
            format!("{}{slash}", child.name.escape_ascii())
        };
        image.directories().iter().map(|it| it.children.iter().map(name).collect()).collect()
    }

    fn files(image: &Image) -> Vec<File> {
        let children = image.directories().iter().flat_map(|directory| directory.children);
        let file = |child: &Child| match child.kind {
            Kind::File(file) => Some(file),
            Kind::Directory { .. } => None,
        };
        children.filter_map(file).collect()
    }

    #[test]
    fn hidden_names_are_taken_when_that_is_asked_for() {
        let folder = folder(&[".a", ".b/c", ".well-known/d", "e/.well-known/f", "e/g"]);
        let builder = Builder::new(folder.path()).without_gzip();
        let (shown, all) = (builder.leak().unwrap(), builder.include_hidden().leak().unwrap());
        assert_eq!(names(&shown), [vec![".well-known/", "e/"], vec!["d"], vec!["g"]]);
        assert_eq!(names(&all).first().unwrap(), &[".a", ".b/", ".well-known/", "e/"]);
        assert_eq!(names(&all).len(), 5);
    }

    #[test]
    fn gzip_is_made_where_nobody_did() {
        let folder = folder(&["a", "b", "b.gz", "c"]);
        fs::write(folder.path().join("c"), "too short").unwrap();
        let builder = Builder::new(folder.path());
        let coded = |image: &Image| -> Vec<_> {
            files(image)
                .iter()
                .map(|file| file.coded.iter().map(|it| it.content.len()).collect::<Vec<_>>())
                .collect()
        };
        let made = coded(&builder.leak().unwrap());
        assert!(
            matches!(&made[..], [a, b, gz, c] if a.len() == 1 && a[0] < 50 && b == &[500]
            && gz.len() == 1 && c.is_empty()),
            "{made:?}"
        );
        let left = coded(&builder.without_gzip().leak().unwrap());
        assert_eq!(left, [vec![], vec![500], vec![], vec![]]);
    }

    #[test]
    fn no_coding_is_older_than_its_file() {
        let folder = folder(&["a", "a.br", "a.gz", "b", "b.br", "b.gz"]);
        for (name, seconds, nanoseconds) in [
            ("a", 1000, 500),
            ("a.br", 1000, 500),
            ("a.gz", 1000, 499),
            ("b", 1001, 0),
            ("b.br", 1000, 999_999_999),
            ("b.gz", 1001, 1),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            let file = fs::File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(time).unwrap();
        }
        let builder = Builder::new(folder.path()).without_gzip();
        let files = files(&builder.clone().leak().unwrap());
        let codings = |name: &str| {
            let content = format!("{name}\n").repeat(100);
            let file = files.iter().find(|file| file.identity.content == content.as_bytes());
            file.unwrap().coded.iter().map(|coded| coded.coding).collect::<Vec<_>>()
        };
        assert_eq!((codings("a"), codings("b")), (vec![Coding::Brotli], vec![Coding::Gzip]));
        // What is too old is made anew.
        let made = self::files(&Builder::new(folder.path()).leak().unwrap());
        let gzip = made[0].coded.iter().find(|coded| coded.coding == Coding::Gzip).unwrap();
        assert!(gzip.content.starts_with(&[0x1f, 0x8b]));
    }

    #[test]
    fn programs_are_left_out_whatever_leads_there() {
        let folder = folder(&["a", "cgi-bin/b", "htbin/c", "sub/cgi-bin/d"]);
        std::os::unix::fs::symlink("cgi-bin", folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("htbin/c", folder.path().join("e")).unwrap();
        let image = Builder::new(folder.path()).leak().unwrap();
        assert_eq!(names(&image), [vec!["a", "sub/"], vec!["cgi-bin/"], vec!["d"]]);
    }

    #[test]
    fn tags_tell_contents_apart_and_nothing_else() {
        let folder = folder(&["a", "b"]);
        fs::write(folder.path().join("c"), "a\n".repeat(100)).unwrap();
        let tags =
            |image: &Image| -> Vec<_> { files(image).iter().map(|it| it.identity.etag).collect() };
        let builder = Builder::new(folder.path()).without_gzip();
        let before = tags(&builder.clone().modified(1).leak().unwrap());
        assert!(before[0] == before[2] && before[0] != before[1], "{before:?}");
        assert_eq!(before[0], "3da3f99059ad9823", "it is the same on every machine");
        assert_eq!(before, tags(&builder.clone().modified(2).leak().unwrap()));
        fs::write(folder.path().join("b"), "c\n".repeat(100)).unwrap();
        assert_ne!(before[1], tags(&builder.leak().unwrap())[1]);
    }

    #[test]
    fn times_can_be_set_and_limited() {
        let folder = folder(&["a/b"]);
        let builder = Builder::new(folder.path()).without_gzip();
        let times = |image: &Image| {
            let Kind::Directory { modified, .. } = image.directories()[0].children[0].kind else {
                panic!("it is a directory");
            };
            [modified, files(image)[0].identity.modified].map(|it| it.unwrap().0)
        };
        assert!(times(&builder.leak().unwrap()).iter().all(|time| *time > 1_700_000_000));
        assert_eq!(times(&walk::walk(&builder, Some(UnixTime(7))).unwrap()), [7; 2]);
        assert_eq!(times(&builder.modified(5).leak().unwrap()), [5; 2]);
        assert_eq!(latest(None), Ok(None));
        assert_eq!(latest(Some("7".into())), Ok(Some(UnixTime(7))));
        assert_eq!(
            latest(Some("now".into())).unwrap_err().to_string(),
            "SOURCE_DATE_EPOCH is 'now': set it to seconds since 1970"
        );
    }

    #[test]
    fn types_can_be_said() {
        let folder = folder(&["a.foo", "b.css", "c.FOO"]);
        let builder = Builder::new(folder.path()).without_gzip().content_type("foo", "a/b");
        let files = files(&builder.leak().unwrap());
        let types: Vec<_> = files.iter().map(|file| file.content_type).collect();
        assert_eq!(types, ["a/b", "text/css; charset=utf-8", "a/b"]);
        assert_eq!(
            builder.content_type("foo", "b").leak().unwrap_err().to_string(),
            "'foo' and 'b' are not an extension and a media type, such as 'md' and 'text/plain'"
        );
    }

    #[test]
    fn the_same_folder_gives_the_same_source() {
        let names = ["b/c.html", "a.css", "na\u{ef}ve", "b/d/e"];
        let out = TempDir::with_prefix("thimble-").unwrap();
        let source = |folder: &TempDir| {
            let file = out.path().join("it.rs");
            Builder::new(folder.path()).modified(1).write(&file).unwrap();
            let contents = fs::read_dir(out.path().join("it.rs.d")).unwrap().count();
            (contents, fs::read_to_string(file).unwrap())
        };
        let one = source(&folder(&names));
        let other = folder(&["more"]);
        assert_ne!(source(&other), one);
        assert_eq!(source(&folder(&["na\u{ef}ve", "b/d/e", "b/c.html", "a.css"])), one);
        assert_eq!(one.0, 8, "each content is there once, and nothing that was there before");
        assert!(one.1.contains(r#"name: b"na\xc3\xafve""#), "{}", one.1);
    }

    #[test]
    fn problems_are_said_in_one_line() {
        let folder = folder(&["a"]);
        let of = |builder: Builder| format!("{:?}", builder.leak().map(drop).unwrap_err());
        assert_eq!(
            of(Builder::new("no/such/folder")),
            "can't open 'no/such/folder': No such file or directory (os error 2)"
        );
        let file = folder.path().join("a");
        assert_eq!(
            of(Builder::new(&file)),
            format!("can't read the folder '{}': Not a directory (os error 20)", file.display())
        );
        // The folder of the contents can't be made in a file.
        let written = Builder::new(folder.path()).write(file.join("it.rs")).unwrap_err();
        assert_eq!(
            written.to_string(),
            format!(
                "can't clear the folder '{}/it.rs.d': Not a directory (os error 20)",
                file.display()
            )
        );
    }
}
