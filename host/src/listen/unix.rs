//! Unix sockets, and the files by which they are found.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use socket2::SockRef;

use super::{Listener, prepare};

/// Listens on a Unix socket at `path`, whose file has the mode that the process's umask leaves. A file that a
/// server has left behind, at which nobody listens any more, is replaced.
///
/// # Errors
/// [`AddrInUse`](ErrorKind::AddrInUse): a server listens there. [`AlreadyExists`](ErrorKind::AlreadyExists):
/// what is there is no socket of this kind. [`InvalidInput`](ErrorKind::InvalidInput): the path is too long.
/// Others are those of the system.
pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<(UnixListener, SocketFile)> {
    let path = std::path::absolute(path)?;
    // Two servers that begin at once must not both take the file for a leftover. Where that can't be had, the
    // last one wins.
    let _lock = path.parent().and_then(lock);
    let listener = match UnixListener::bind(&path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            clear(&path)?;
            UnixListener::bind(&path)
        }
        outcome => outcome,
    }?;
    let file = SocketFile::of(path)?;
    let listener = Listener::Unix(listener);
    prepare(&listener)?;
    match listener {
        Listener::Unix(listener) => Ok((listener, file)),
        Listener::Tcp(_) => Err(ErrorKind::Unsupported.into()),
    }
}

/// Keeps others from doing the same in `folder`, until the file is closed. Whoever has locked it for something
/// else is waited for no longer than a second.
fn lock(folder: &Path) -> Option<File> {
    const PAUSE: Duration = Duration::from_millis(10);
    let folder = File::open(folder).ok()?;
    for _ in 0..100 {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(PAUSE),
            outcome => return outcome.ok().map(|()| folder),
        }
    }
    None
}

/// Removes the socket at `path`, if nobody listens there.
fn clear(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    match ask(path) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        // Its queue is full, or it was removed meanwhile.
        Ok(_) | Err(Errno::AGAIN | Errno::NOENT) => Err(ErrorKind::AddrInUse.into()),
        Err(Errno::PROTOTYPE) => Err(ErrorKind::AlreadyExists.into()),
        Err(error) => Err(error.into()),
    }
}

/// A connection to whoever listens at `path`, without waiting for room in the queue.
fn ask(path: &Path) -> rustix::io::Result<OwnedFd> {
    let client = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    // A server that was suspended keeps nobody from starting another.
    SockRef::from(&client).set_nonblocking(true).map_err(|_| Errno::IO)?;
    connect(&client, &SocketAddrUnix::new(path)?)?;
    Ok(client)
}

/// The process that listens at `path`, as the system knows it.
#[cfg(all(feature = "command", target_os = "linux"))]
pub(crate) fn who_listens(path: &Path) -> Option<u32> {
    let client = ask(path).ok()?;
    let id = rustix::net::sockopt::socket_peercred(&client).ok()?.pid;
    u32::try_from(id.as_raw_nonzero().get()).ok()
}

/// The file of a Unix socket that this process has made. It is removed when this is dropped, unless another
/// one has taken its place meanwhile.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Identity,
    /// From then on, the number may be that of another file.
    is_removed: AtomicBool,
}

impl SocketFile {
    fn of(path: PathBuf) -> io::Result<Self> {
        let identity = identity(&path)?;
        Ok(Self { path, identity, is_removed: AtomicBool::new(false) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, if it is there: whoever has the socket goes on, and no client finds it any more. Call it
    /// while the socket listens, so that no other server can have replaced it.
    pub fn remove(&self) {
        let is_first = !self.is_removed.swap(true, Ordering::SeqCst);
        if is_first && identity(&self.path).is_ok_and(|found| found == self.identity) {
            // If it may not be removed any more, the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Device and number of a file, and the seconds and nanoseconds at which it was made.
type Identity = (u64, u64, i64, i64);

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    fn kind(path: &Path) -> Option<ErrorKind> {
        bind_unix(path).err().map(|error| error.kind())
    }

    #[test]
    fn a_leftover_is_replaced_and_nothing_else() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let (listener, file) = bind_unix(at("socket"))?;
        assert_eq!(kind(&at("socket")), Some(ErrorKind::AddrInUse));
        drop(listener);
        assert!(UnixStream::connect(at("socket")).is_err() && at("socket").exists());
        // Clocks have ticks.
        thread::sleep(Duration::from_millis(20));
        let (_listener, next) = bind_unix(at("socket"))?;
        // Its file is another's now.
        drop(file);
        assert!(UnixStream::connect(at("socket")).is_ok());
        drop(next);
        assert!(!at("socket").exists());

        fs::write(at("file"), "text")?;
        fs::create_dir(at("folder"))?;
        symlink("nothing", at("link"))?;
        let _datagrams = UnixDatagram::bind(at("datagrams"))?;
        for name in ["file", "folder", "link", "datagrams"] {
            assert_eq!(kind(&at(name)), Some(ErrorKind::AlreadyExists), "{name}");
            assert!(at(name).symlink_metadata().is_ok(), "{name}");
        }
        assert_eq!(kind(&at("no/folder")), Some(ErrorKind::NotFound));
        assert_eq!(kind(&at(&"long".repeat(30))), Some(ErrorKind::InvalidInput));
        Ok(())
    }

    #[test]
    fn one_that_takes_no_more_clients_is_not_waited_for() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        let (listener, _file) = bind_unix(&path)?;
        SockRef::from(&listener).listen(0)?;
        let _first = UnixStream::connect(&path)?;
        assert!(matches!(ask(&path), Err(Errno::AGAIN)));
        assert_eq!(kind(&path), Some(ErrorKind::AddrInUse));
        Ok(())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn of_those_that_begin_at_once_one_listens() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path)?);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| bind_unix(&path))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(UnixStream::connect(&path).is_ok());
        Ok(())
    }
}
