//! Folders to serve, made for one test and removed with it.

use std::fs::{self, Permissions};
use std::io::Result;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A page with the marker at which a submitted form is shown.
pub const PAGE: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>A page</title>\n\
    <body>\n<p>Before</p>\n<!-- form -->\n<p>After: Zoë</p>\n</body>\n</html>\n";

/// An empty folder outside of the repository.
#[derive(Debug)]
pub struct Folder {
    root: TempDir,
}

impl Folder {
    /// Makes the folder, readable by every user of the machine.
    pub fn new() -> Result<Self> {
        let root = TempDir::with_prefix("thimble-")?;
        fs::set_permissions(root.path(), Permissions::from_mode(0o755))?;
        Ok(Self { root })
    }

    /// Makes the folder with [`PAGE`] as its index, and as the index of `sub`.
    pub fn with_pages() -> Result<Self> {
        let folder = Self::new()?;
        folder.file("index.html", PAGE)?;
        folder.file("sub/index.html", PAGE)?;
        folder.file("note.txt", "one line\n")?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file and the folders that lead to it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.at(name)?;
        fs::write(&path, content)?;
        Ok(path)
    }

    /// Makes a symbolic link called `name` that says `target`.
    pub fn link(&self, name: &str, target: impl AsRef<Path>) -> Result<()> {
        symlink(target, self.at(name)?)
    }

    /// The path of `name`, whose parent exists afterwards.
    pub fn at(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(path)
    }
}

/// The folder of the demo site.
pub fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("site")
}

/// `length` bytes of every value in which no two stretches of a few bytes are alike nearby,
/// so that a piece that is lost, doubled or swapped shows.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length.next_multiple_of(8));
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
