//! Links that aren't followed, and why. That is said once of each: nobody would guess it from a 404.

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

/// So many links are told of at most, for each folder.
const MOST: usize = 1000;

/// Where it is said which links aren't followed, and of which it was.
#[derive(Debug)]
pub(super) struct Told {
    log: Log,
    links: Mutex<HashSet<PathBuf>>,
}

impl Told {
    pub(super) fn new(log: Log) -> Self {
        Self { log, links: Mutex::default() }
    }

    /// Whether nobody was told of it before.
    fn is_new(&self, link: &FsPath) -> bool {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.len() < MOST && links.insert(link.to_owned())
    }

    /// Tells of the link that keeps anybody from what is at `path` in `tree`, if that is what does.
    pub(super) fn tell(&self, tree: &Tree, path: &FsPath) {
        if !self.log.is_written() {
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
