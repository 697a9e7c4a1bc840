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
//! which every frontend runs like any other site. A change in the folder makes cargo build anew.
//!
//! # What is built in
//!
//! The replies are those that a folder would give, and the listings, too:
//!
//! - Links are followed when they stay in the folder, and left out when they don't, like all that is
//!   neither file nor directory. A file to which several names lead is there once.
//! - What stands beside `NAME` as `NAME.gz`, `NAME.br` or `NAME.zst` is `NAME` in that coding, and
//!   still a file of its own. Where there is no `NAME.gz`, one is made for `NAME` alone, if it is at
//!   least a tenth smaller: [`Builder::gzip`].
//! - Types are those of [`mime`], unless [`Builder::content_type`] says otherwise.
//! - Entity tags come from the octets, and are the same wherever and whenever they are built.
//! - Times are those of the files, none later than `SOURCE_DATE_EPOCH` says where that is set:
//!   [`Builder::modified`].
//!
//! Names that begin with a dot are left out, but for `.well-known` in the root: a server serves them
//! only when it is told to, and flash is small. [`Builder::hidden`] takes them in.
//!
//! The same folder gives the same octets of source, whatever machine reads it.

mod emit;
mod gzip;
mod walk;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use thimble_core::Image;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::mime;

/// What is said to `main` by cargo's conventions: where outputs go.
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
    /// Makes an image of `folder`, which in a build script is relative to where `Cargo.toml` stands.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            makes_gzip: true,
            takes_hidden: false,
            modified: None,
            content_types: Vec::new(),
        }
    }

    /// Whether files are coded by gzip that have no `NAME.gz` beside them, where that makes them
    /// smaller by a tenth, and by 100 octets. So it is if nothing is said. It takes room in flash,
    /// and leaves time on the line.
    #[must_use]
    pub fn gzip(self, makes_gzip: bool) -> Self {
        Self { makes_gzip, ..self }
    }

    /// Whether names that begin with a dot are taken in, too, for a server that shows them.
    #[must_use]
    pub fn hidden(self, takes_hidden: bool) -> Self {
        Self { takes_hidden, ..self }
    }

    /// The time at which everything was last changed, in seconds since 1970, instead of what the
    /// files say.
    #[must_use]
    pub fn modified(self, seconds: u64) -> Self {
        Self { modified: Some(UnixTime(seconds)), ..self }
    }

    /// The Content-Type of files whose names end with a dot and `extension`, in any case.
    #[must_use]
    pub fn content_type(mut self, extension: &str, content_type: &str) -> Self {
        self.content_types.push((extension.to_owned(), content_type.to_owned()));
        self
    }

    /// In a build script, writes the source of the image to a file `name` in the folder of cargo's
    /// outputs, and tells cargo when to do it again.
    ///
    /// # Errors
    /// The folder can't be read, or the source not be written.
    pub fn build(&self, name: &str) -> Result<(), Error> {
        let Some(out) = env::var_os(OUT_DIR) else {
            return Err(Error(format!("{OUT_DIR} is not set: call this in a build script")));
        };
        let folder = self.folder.to_str().filter(|folder| !folder.contains('\n'));
        let folder = folder.ok_or_else(|| {
            Error(format!("cargo can't be told about '{}': rename it", self.folder.display()))
        })?;
        println!("cargo::rerun-if-changed={folder}");
        println!("cargo::rerun-if-env-changed={SOURCE_DATE_EPOCH}");
        self.write(Path::new(&out).join(name))
    }

    /// Writes the source of the image, which is an expression, to `file`, and the contents that it
    /// includes to a folder beside it, `file` with `.d` at its end.
    ///
    /// # Errors
    /// The folder can't be read, or the source not be written.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        let file = file.as_ref();
        let image = self.leak()?;
        let mut contents = OsString::from(file);
        contents.push(".d");
        emit::write(&image, file, Path::new(&contents))
    }

    /// Makes the image at once, in memory that is never freed: for tests.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn leak(&self) -> Result<Image, Error> {
        for (extension, content_type) in &self.content_types {
            let text = format!("{extension}={content_type}");
            if mime::own_type(&text).is_none() {
                return Err(Error(format!("that is no extension and its media type: {text:?}")));
            }
        }
        walk::walk(self, latest()?)
    }
}

/// The time that no file is later than.
fn latest() -> Result<Option<UnixTime>, Error> {
    let Some(value) = env::var_os(SOURCE_DATE_EPOCH) else { return Ok(None) };
    let seconds = value.to_str().and_then(|value| value.parse().ok()).map(UnixTime);
    let fault =
        || Error(format!("{SOURCE_DATE_EPOCH} is no number of seconds: '{}'", value.display()));
    seconds.ok_or_else(fault).map(Some)
}

/// Why there is no image: one line.
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

/// The same line: that is how an error of `main` is shown.
impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Error {}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::of("read", path, &error))
}
