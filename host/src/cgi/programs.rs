//! Which programs there are: the files in some folders beneath the root, and what runs them.

use std::collections::VecDeque;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Access, access};
use thimble_core::gateway::ScriptPath;
use thimble_core::message::{Refusal, Status};
use thimble_core::service::OpenError;

use crate::folder::{Folder, Located};

pub(super) const NOT_FOUND: Refusal = Refusal::new(Status::NOT_FOUND, "");
const NO_PROGRAM: Refusal = Refusal::new(Status::FORBIDDEN, "this is no program");
const NO_LISTING: Refusal = Refusal::new(Status::FORBIDDEN, "programs are not listed");

/// The programs beneath a root.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) root: Folder,
    /// The paths of their folders, by names.
    folders: Vec<Vec<String>>,
    /// The ends of names, and the programs that run such files.
    pub(super) interpreters: Vec<(String, PathBuf)>,
    pub(super) shows_hidden: bool,
    /// Paths that have named a program lately, the latest first.
    lately: Mutex<VecDeque<(Box<str>, Program)>>,
}

/// How many paths are remembered.
const REMEMBERED: usize = 16;

/// A program that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// Its absolute path.
    pub(super) file: PathBuf,
    /// What runs it, if it doesn't run itself.
    pub(super) interpreter: Option<PathBuf>,
    pub(super) script_name: Vec<u8>,
    pub(super) path_info: Vec<u8>,
}

impl Programs {
    pub(super) fn new(root: Folder, folders: &[String]) -> Self {
        let names = |path: &String| path.split('/').map(str::to_owned).collect();
        let folders = folders.iter().map(names).collect();
        let lately = Mutex::default();
        Self { root, folders, interpreters: Vec::new(), shows_hidden: false, lately }
    }

    /// Whether the path of these segments leads into one of the folders.
    pub(super) fn have(&self, segments: &[&str]) -> bool {
        self.folders.iter().any(|folder| segments.starts_with_names(folder))
    }

    /// The program that `path` named lately, and still does, most likely: [`find`](Self::find) tells.
    pub(super) fn recent(&self, path: &str) -> Option<Program> {
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.iter().find(|(known, _)| **known == *path).map(|(_, program)| program.clone())
    }

    /// Remembers what `path` names now.
    pub(super) fn remember(&self, path: &str, program: Option<&Program>) {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        lately.retain(|(known, _)| **known != *path);
        if let Some(program) = program {
            lately.truncate(REMEMBERED - 1);
            lately.push_front((path.into(), program.clone()));
        }
    }

    /// Finds the program that `path` names; `None` if it leads into none of the folders. It waits for nothing
    /// but the disk.
    pub(super) fn find(&self, path: &str) -> Result<Option<Program>, Refusal> {
        let mut buffer = vec![0; path.len()];
        let path = ScriptPath::new(path, &mut buffer).ok_or(NOT_FOUND)?;
        let mut is_inside = false;
        for (script_name, path_info) in path.divisions() {
            let names = script_name.get(1..).unwrap_or_default();
            let folder = |folder: &Vec<String>| folder.join("/").into_bytes();
            is_inside |= self.folders.iter().map(folder).any(|folder| folder == names);
            if !is_inside {
                continue;
            }
            let name = names.rsplit(|octet| *octet == b'/').next().unwrap_or_default();
            if name.starts_with(b".") && !self.shows_hidden {
                return Err(NOT_FOUND);
            }
            match self.root.locate(names) {
                Ok(Located::Directory) => {}
                Ok(Located::File(file)) => {
                    return self.check(file, name, script_name, path_info).map(Some);
                }
                Err(OpenError::NotFound) => return Err(NOT_FOUND),
                Err(error) => return Err(error.into()),
            }
        }
        if is_inside { Err(NO_LISTING) } else { Ok(None) }
    }

    /// The program that a file is, if it may be run.
    fn check(
        &self,
        file: PathBuf,
        name: &[u8],
        script_name: &[u8],
        path_info: &[u8],
    ) -> Result<Program, Refusal> {
        // Those write a whole HTTP reply themselves (RFC 3875 §5).
        let is_nph = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"nph-"));
        let is_run_by = |(end, _): &&(String, PathBuf)| name.ends_with(end.as_bytes());
        let interpreter = self.interpreters.iter().rfind(is_run_by).map(|(_, path)| path.clone());
        let is_program = interpreter.is_some() || access(&file, Access::EXEC_OK).is_ok();
        if is_nph || !is_program {
            let why = if is_nph {
                "a program that sends whole replies (nph-) is not run"
            } else {
                "it is not executable (chmod +x), and has no interpreter"
            };
            self.root.tell(script_name.get(1..).unwrap_or_default(), why);
            return Err(NO_PROGRAM);
        }
        let (script_name, path_info) = (script_name.to_vec(), path_info.to_vec());
        Ok(Program { file, interpreter, script_name, path_info })
    }
}

impl Program {
    /// What the log calls it: its path beneath the root.
    pub(super) fn label(&self) -> &[u8] {
        self.script_name.strip_prefix(b"/").unwrap_or(&self.script_name)
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new("/"))
    }
}

/// Begins with these names.
trait StartsWithNames {
    fn starts_with_names(&self, names: &[String]) -> bool;
}

impl StartsWithNames for [&str] {
    fn starts_with_names(&self, names: &[String]) -> bool {
        self.len() >= names.len() && self.iter().zip(names).all(|(a, b)| a == b)
    }
}

/// The absolute path of the program called `name`: itself if it has a slash, else in one of the folders of
/// PATH.
pub fn in_path(name: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if name.as_os_str().as_bytes().contains(&b'/') {
        return std::path::absolute(name).ok().filter(is_program);
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter_map(|folder| std::path::absolute(folder.join(name)).ok())
        .find(is_program)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn paths_name_programs_or_nothing() -> io::Result<()> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        let file = |name: &str, mode| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, "")?;
            fs::set_permissions(&path, Permissions::from_mode(mode))
        };
        file("bin/a", 0o755)?;
        file("bin/sub/b.py", 0o644)?;
        file("bin/c", 0o644)?;
        file("bin/nph-d", 0o755)?;
        file("bin/.e", 0o755)?;
        file("outer/in/f", 0o755)?;
        file("outer/g", 0o755)?;
        file("out", 0o755)?;
        symlink("sub", place.path().join("bin/link"))?;
        symlink("../out", place.path().join("bin/out"))?;
        symlink("/bin/true", place.path().join("bin/away"))?;
        let folders = ["bin".to_owned(), "outer/in".to_owned()];
        let mut programs = Programs::new(Folder::open(place.path())?, &folders);
        programs.interpreters = vec![(".py".into(), "/bin/sh".into())];
        let find = |path: &str| match programs.find(path) {
            Ok(Some(Program { file, script_name, path_info, .. })) => {
                let file = file.strip_prefix(programs.root.place()).unwrap_or(&file).to_owned();
                let text = |octets| String::from_utf8_lossy(octets).into_owned();
                Ok((file.display().to_string(), text(&script_name), text(&path_info)))
            }
            Ok(None) => Err(0),
            Err(refusal) => Err(refusal.status.code()),
        };
        for (path, file, name, info) in [
            ("/bin/a", "bin/a", "/bin/a", ""),
            ("/bin/a/", "bin/a", "/bin/a", "/"),
            ("/%62in/a/b%2fc//d", "bin/a", "/bin/a", "/b/c//d"),
            ("/bin/sub/b.py/x", "bin/sub/b.py", "/bin/sub/b.py", "/x"),
            ("/bin/link/b.py", "bin/link/b.py", "/bin/link/b.py", ""),
            ("/bin/out", "bin/out", "/bin/out", ""),
            ("/outer/in/f/g", "outer/in/f", "/outer/in/f", "/g"),
        ] {
            assert_eq!(find(path), Ok((file.into(), name.into(), info.into())), "{path}");
        }
        for (path, status) in [
            ("/bin", 403),
            ("/bin/", 403),
            ("/bin/sub", 403),
            ("/bin//a", 403),
            ("/bin/c", 403),
            ("/bin/c/a", 403),
            ("/bin/nph-d", 403),
            ("/bin/none", 404),
            ("/bin/.e", 404),
            ("/bin/away", 404),
            ("/bin/../bin/a", 404),
            ("/bin/a/..", 404),
            ("/bin%2fa", 0),
            ("/bin/a%00", 404),
            ("/Bin/a", 0),
            ("/outer/g", 0),
            ("//bin/a", 0),
        ] {
            assert_eq!(find(path), Err(status), "{path}");
        }
        assert!(programs.have(&["outer", "in"]) && programs.have(&["bin", "a", ""]));
        assert!(!programs.have(&["outer"]) && !programs.have(&[]) && !programs.have(&["BIN", "a"]));
        Ok(())
    }
}
