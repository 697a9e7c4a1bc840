//! Files that the system makes when they are read, as beneath `/proc` and `/sys`: neither their
//! lengths nor their times say anything.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::Stat;

/// Files up to this many octets are read to learn how long they are.
const MOST: usize = 24 * 1024;

/// Whether a file is such a one: it takes no room, in a file system that has none.
#[cfg(target_os = "linux")]
pub(super) fn is_made_by_the_system(file: &fs::File, stat: &Stat) -> bool {
    stat.st_blocks == 0 && rustix::fs::fstatfs(file).is_ok_and(|system| system.f_blocks == 0)
}

/// Here there is no such file system.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_made_by_the_system(_: &fs::File, _: &Stat) -> bool {
    false
}

/// All of a file, if it is small, by reading it to its end.
pub(super) fn read(file: &fs::File) -> io::Result<Option<Box<[u8]>>> {
    let mut content = vec![0; MOST];
    let mut filled = 0;
    while let Some(free @ [_, ..]) = content.get_mut(filled..) {
        match file.read_at(free, filled as u64) {
            Ok(0) => {
                content.truncate(filled);
                return Ok(Some(content.into()));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
