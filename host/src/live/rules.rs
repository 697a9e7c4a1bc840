//! Which paths count.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Folders of what other programs keep for themselves.
const OF_PROGRAMS: [&str; 2] = ["__pycache__", "node_modules"];

/// Ends of names of what is about to get another name, or is kept for a while.
const UNFINISHED: [&str; 8] =
    ["~", ".bak", ".crdownload", ".part", ".swp", ".swx", ".tmp", "___jb_tmp___"];

/// What counts below a folder.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Its path without links.
    pub(super) folder: PathBuf,
    /// The only name in it that counts, if not all do.
    pub(super) only: Option<Box<OsStr>>,
    pub(super) left_out: Vec<PathBuf>,
}

impl Rules {
    /// Whether a change at `path` is one that anybody sees.
    pub(super) fn count(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.folder) else { return false };
        if let Some(only) = &self.only {
            return inside.as_os_str() == &**only;
        }
        // The folder itself has changed where something has come or gone, and that is told as well.
        !inside.as_os_str().is_empty()
            && inside.iter().all(counts)
            && !self.left_out.iter().any(|out| is_of(out, path))
    }

    /// The path from the root of a site to the style sheet at `path`, if it is one.
    pub(super) fn style(&self, path: &Path) -> Option<String> {
        let is_style = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("css"));
        let inside = path.strip_prefix(&self.folder).ok().filter(|_| is_style)?;
        inside.to_str().map(|inside| format!("/{inside}"))
    }
}

fn counts(name: &OsStr) -> bool {
    let octets = name.as_bytes();
    let is_marked = octets.starts_with(b"#") && octets.ends_with(b"#");
    // By a file of that name, vim tries whether it may write.
    let is_hidden = octets.starts_with(b".") || is_marked || octets == b"4913";
    let is_unfinished = UNFINISHED.iter().any(|end| octets.ends_with(end.as_bytes()));
    !is_hidden && !is_unfinished && !OF_PROGRAMS.iter().any(|other| name == *other)
}

/// Whether `path` is `out`, is in it, or is called like it with a hyphen behind.
fn is_of(out: &Path, path: &Path) -> bool {
    let (Some(name), Some(other)) = (out.file_name(), path.file_name()) else { return false };
    let rest = other.as_bytes().strip_prefix(name.as_bytes());
    let is_beside = rest.is_some_and(|rest| rest.starts_with(b"-"));
    path.starts_with(out) || (is_beside && path.parent() == out.parent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_does_not_count() {
        let left_out = vec!["/s/forms.db".into(), "/s/kept".into()];
        let mut rules = Rules { folder: "/s".into(), only: None, left_out };
        for path in ["/s/a.html", "/s/a/b.css", "/s/a", "/s/forms.db2", "/s/a/forms.db-wal"] {
            assert!(rules.count(Path::new(path)), "{path}");
        }
        for path in [
            "/s",
            "/t/a",
            "/s/.git/index",
            "/s/a/.b",
            "/s/.a.html.swp",
            "/s/a.html~",
            "/s/4913",
            "/s/#a#",
            "/s/a.tmp",
            "/s/node_modules/a/b.js",
            "/s/cgi-bin/__pycache__/a.pyc",
            "/s/forms.db",
            "/s/forms.db-wal",
            "/s/kept/a/b",
        ] {
            assert!(!rules.count(Path::new(path)), "{path}");
        }
        rules.only = Some(OsStr::new("a.html").into());
        assert!(rules.count(Path::new("/s/a.html")) && !rules.count(Path::new("/s/b.html")));
        assert!(!rules.count(Path::new("/s")));
    }

    #[test]
    fn style_sheets_are_called_by_their_paths() {
        let rules = Rules { folder: "/s".into(), only: None, left_out: Vec::new() };
        assert_eq!(rules.style(Path::new("/s/a b/c.CSS")).as_deref(), Some("/a b/c.CSS"));
        assert_eq!(rules.style(Path::new("/s/a.css.map")), None);
    }
}
