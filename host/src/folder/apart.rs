//! Folders that are kept apart from the files that are served, as folders of programs are; and what is
//! found in them by those who may.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path as FsPath, PathBuf};

use thimble_core::service::storage::OpenError;

use super::cache::Stamp;
use super::links::Links;
use super::look::Kind;
use super::tree::Tree;
use super::{Folder, as_path, open_error};

/// What stands at a path in a folder that is kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// A directory.
    Directory,
    /// A file, with its absolute path.
    File(PathBuf),
}

impl Folder {
    /// Serves and lists nothing of the folders at these paths, whatever link leads there. Each path has
    /// names with slashes between them; what isn't there yet counts as soon as it is. Paths of files
    /// without a link on their way are compared with these by name.
    #[must_use]
    pub fn apart<P: AsRef<str>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        let paths = paths.into_iter().map(|path| path.as_ref().as_bytes().into()).collect();
        self.with(|rules| rules.apart = paths)
    }

    /// Looks for what stands at `path`, which has names with slashes between them and is opened by nobody
    /// here: links are followed as for files that are served. It waits for nothing but the disk.
    ///
    /// # Errors
    /// Nothing is there that may be used.
    pub fn locate(&self, path: &[u8]) -> Result<Located, OpenError> {
        self.find(path, |tree| tree.locate(path))
    }

    /// Tells the log, once, why what stands at `path` is of no use to anybody.
    pub(crate) fn tell(&self, path: &[u8], why: &str) {
        self.tree().rules().told.tell_why("'", as_path(path), why);
    }

    /// The absolute path of the folder, without links if it has any.
    pub fn place(&self) -> PathBuf {
        self.tree().place().unwrap_or(&self.path).to_owned()
    }
}

impl Tree {
    fn locate(&self, path: &[u8]) -> Result<Located, OpenError> {
        let path = as_path(path);
        let place = self.place().ok_or(OpenError::NotFound)?;
        match self.look(path).map_err(|error| open_error(&error))?.kind {
            Kind::Directory => Ok(Located::Directory),
            Kind::File => Ok(Located::File(place.join(path))),
            Kind::Other => Err(OpenError::NotFound),
        }
    }

    /// Whether `path`, by its names alone, is that of a folder that is kept apart or leads into one.
    pub(super) fn is_apart_by_name(&self, path: &[u8]) -> bool {
        let leads_into = |folder: &[u8]| {
            path.strip_prefix(folder).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        };
        self.rules().apart.iter().any(|folder| leads_into(folder))
    }

    /// Whether `name` in `directory` is a folder that is kept apart.
    pub(super) fn keeps_apart(&self, directory: &FsPath, name: &[u8]) -> bool {
        let is_it = |folder: &[u8]| {
            let folder = as_path(folder);
            let parent = folder.parent().unwrap_or(folder);
            folder.file_name().is_some_and(|last| last.as_bytes() == name)
                && parent == directory.strip_prefix(".").unwrap_or(directory)
        };
        self.rules().apart.iter().any(|folder| is_it(folder))
    }

    /// Whether `path` leads into a folder that is kept apart, by links or by other names.
    pub(super) fn is_apart(&self, path: &FsPath) -> bool {
        let octets = path.strip_prefix(".").unwrap_or(path).as_os_str().as_bytes();
        if self.is_apart_by_name(octets) {
            return true;
        }
        let identity = |path: &FsPath| self.look(path).ok().map(|seen| seen.stamp.identity);
        let apart = self.rules().apart.iter().filter_map(|folder| identity(as_path(folder)));
        let apart: Vec<_> = apart.collect();
        if apart.is_empty() {
            return false;
        }
        // What can't be resolved can't be opened either, or only when it has become something else.
        let Ok(real) = self.real(path) else { return true };
        real.ancestors().any(|folder| {
            let found = rustix::fs::stat(folder);
            found.is_ok_and(|found| apart.contains(&Stamp::of(&found).identity))
        })
    }

    /// The absolute path of what `path` leads to, without links.
    fn real(&self, path: &FsPath) -> io::Result<PathBuf> {
        let place = self.place().ok_or(io::ErrorKind::NotFound)?;
        match self.rules().links {
            Links::Inside => {
                let inside = self.follow(path, |path| self.root().canonicalize(path))?;
                let inside = inside.strip_prefix(".").unwrap_or(&inside).to_owned();
                // To join nothing would leave a slash at the end.
                let is_root = inside.as_os_str() == OsStr::new("");
                Ok(if is_root { place.to_owned() } else { place.join(inside) })
            }
            Links::Everywhere => fs::canonicalize(place.join(path)),
        }
    }
}
