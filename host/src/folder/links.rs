//! What the log says of links that aren't followed and of files that can't be read, once for each:
//! a client sees only a 403, a 404 or a 500.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::leads_out;
use super::look::Kind;
use super::tree::Tree;
use crate::log::Log;

/// Which links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Those that stay in the folder.
    Inside,
    /// All.
    Everywhere,
}

/// The most paths that are told of, for each folder.
const MOST: usize = 1000;

/// The log, and the paths that it was told of already.
#[derive(Debug)]
pub(super) struct Told {
    log: Log,
    paths: Mutex<HashSet<PathBuf>>,
}

impl Told {
    pub(super) fn new(log: Log) -> Self {
        Self { log, paths: Mutex::default() }
    }

    /// Whether what it is told is written anywhere.
    pub(super) const fn is_written(&self) -> bool {
        self.log.is_written()
    }

    /// Whether the log wasn't told of `path` before.
    fn is_new(&self, path: &FsPath) -> bool {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.len() < MOST && paths.insert(path.to_owned())
    }

    /// Tells of the file or folder at `path` that can't be opened or read for `error`.
    pub(super) fn tell_of_failure(&self, path: &FsPath, error: &io::Error) {
        let path = path.strip_prefix(".").unwrap_or(path);
        self.tell_why("can't read '", path, &error.to_string());
    }

    /// Tells why the file at `path` is of no use, in a line that begins with `start`.
    pub(super) fn tell_why(&self, start: &str, path: &FsPath, why: &str) {
        if self.is_written() && self.is_new(path) {
            let line = [start.as_bytes(), path.as_os_str().as_bytes(), b"': ", why.as_bytes()];
            self.log.note(&line.concat());
        }
    }

    /// Tells of the link in `path` that isn't followed and so hides what is at `path`, if there is one.
    pub(super) fn tell(&self, tree: &Tree, path: &FsPath) {
        if !self.is_written() {
            return;
        }
        let path = path.strip_prefix(".").unwrap_or(path);
        let mut steps: Vec<_> = path.ancestors().collect();
        // The shortest is no step at all.
        steps.pop();
        for step in steps.into_iter().rev() {
            let target = match tree.link(step) {
                Ok(target) => target,
                // No link, or nothing that could tell more.
                Err(Errno::INVAL) => continue,
                Err(_) => return,
            };
            let why = match tree.look(step) {
                Ok(seen) if seen.kind == Kind::Other => Some("neither a file nor a folder"),
                Ok(_) => continue,
                Err(error) => tree.why_not(step, &error),
            };
            if let Some(why) = why
                && self.is_new(step)
            {
                let [step, target] = [step, &target].map(|path| path.as_os_str().as_bytes());
                let line = [b"the link '", step, b"' leads to '", target, b"': ", why.as_bytes()];
                self.log.note(&line.concat());
            }
            return;
        }
    }
}

impl Tree {
    /// Why a link isn't followed, if that is for being one.
    fn why_not(&self, link: &FsPath, error: &io::Error) -> Option<&'static str> {
        let target = fs::metadata(self.place()?.join(link));
        match target.map_err(|error| error.kind()) {
            Err(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Some("nothing is there"),
            _ if leads_out(error) => {
                Some("outside of the folder, and served only with --follow-links")
            }
            _ if Errno::from_io_error(error) == Some(Errno::LOOP) => Some("round in circles"),
            _ => None,
        }
    }
}
