//! What keeps a command from serving.

use std::fmt;
use std::io;
use std::path::Path;

use rustix::io::Errno;

/// Why a command can't do what it is asked: one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub(super) String);

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// The server ended with `error`.
    pub fn of_run(error: &io::Error) -> Self {
        Self(format!("can't serve: {error}"))
    }

    /// TLS can't be spoken.
    #[expect(clippy::needless_pass_by_value, reason = "it is mapped by this")]
    pub(super) fn of_tls(problem: crate::tls::Problem) -> Self {
        Self(problem.to_string())
    }

    /// There can't be workers.
    pub(super) fn of_workers(error: &io::Error) -> Self {
        Self(format!("can't start workers: {error}"))
    }

    pub(super) fn of_folder(path: &Path, error: &io::Error) -> Self {
        let port: Option<u16> = path.to_str().and_then(|path| path.parse().ok());
        let is_there = path.exists();
        let path = path.display();
        Self(match error.kind() {
            io::ErrorKind::NotFound if let Some(port) = port => {
                format!("there is no folder '{path}': if that is the port, say -p {port}")
            }
            io::ErrorKind::NotFound => {
                format!("there is no folder or file '{path}': give the path of one")
            }
            io::ErrorKind::NotADirectory if is_there => {
                format!("'{path}' is neither a folder nor a file: give the path of one")
            }
            io::ErrorKind::NotADirectory => {
                format!("there is no folder '{path}': a part of that path is a file")
            }
            io::ErrorKind::PermissionDenied => {
                format!(
                    "the folder '{path}' may not be read: change its permissions, or serve another"
                )
            }
            _ => format!("can't open the folder '{path}': {error}"),
        })
    }

    /// Only so many files may be open, of `fewest` that are needed.
    pub(super) fn of_file_limit(files: u64, fewest: u64) -> Self {
        Self(format!(
            "the limit on open files is {files}: raise it to {fewest} or more, as by ulimit -n {fewest}"
        ))
    }

    /// There is no folder of programs that `--cgi-dir` names.
    pub(super) fn of_program_folder(folder: &str) -> Self {
        Self(format!(
            "there is no folder '{folder}' in the one that is served: give --cgi-dir the name of one"
        ))
    }

    /// Programs are asked for, and a single file is to be served.
    pub(super) fn of_programs_in_a_file() -> Self {
        Self("programs are run in a folder: give the folder to serve, instead of a file".into())
    }

    /// The folder that `--uploads` names is one of programs.
    pub(super) fn of_uploads_among_programs(path: &Path) -> Self {
        let path = path.display();
        Self(format!(
            "whoever sends a file to '{path}' could run it: give --uploads a folder without programs"
        ))
    }

    /// The folder that `--uploads` names can't be used.
    pub(super) fn of_uploads(path: &Path, error: &io::Error) -> Self {
        let is_there = path.exists();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let has_parent = parent.is_dir();
        let (path, parent) = (path.display(), parent.display());
        Self(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                if !is_there && has_parent =>
            {
                format!(
                    "no folder '{path}' can be made in '{parent}': give --uploads one elsewhere"
                )
            }
            io::ErrorKind::NotFound => {
                format!("the folder '{path}' can't be made: make the one that it is in first")
            }
            io::ErrorKind::NotADirectory => {
                format!("'{path}' is not a folder: give --uploads the path of one")
            }
            io::ErrorKind::PermissionDenied => format!(
                "no files can be written to '{path}': change its permissions, or give --uploads another"
            ),
            _ => format!("no files can be kept in '{path}': {error}"),
        })
    }

    /// The file that `--auth-file` names can't be used.
    pub(super) fn of_passwords(path: &Path, why: &str) -> Self {
        Self(format!("the passwords '{}' can't be used: {why}", path.display()))
    }

    /// The folder can't be watched for `--live`.
    pub(super) fn of_watch(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self(format!("'{path}' can't be watched for changes: {error}, or leave out --live"))
    }

    /// The host that `--bind` names has no address.
    pub(super) fn of_host(host: &str) -> Self {
        Self(format!(
            "can't find an address for '{host}': give --bind an IP address, such as 127.0.0.1"
        ))
    }

    /// `host` can't be listened on. If the port is in use, `holder` is who has it, if that is known.
    pub(super) fn of_listener(
        host: &str,
        port: u16,
        error: &io::Error,
        holder: Option<&str>,
    ) -> Self {
        const NO_SUCH_FAMILY: Option<i32> = Some(Errno::AFNOSUPPORT.raw_os_error());
        let by = by(holder);
        Self(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "port {port} on {host} is in use{by}: choose another with --port, or any free one with --port 0"
            ),
            io::ErrorKind::PermissionDenied => format!(
                "port {port} needs more privileges than you have: choose one from 1024 up with --port"
            ),
            io::ErrorKind::AddrNotAvailable => format!(
                "{host} is not an address of this machine: give --bind one that is, or 0.0.0.0 for all"
            ),
            _ if error.raw_os_error() == NO_SUCH_FAMILY => {
                format!(
                    "{host} is an address of IPv6, which this machine doesn't have: give --bind 0.0.0.0"
                )
            }
            _ => format!("can't listen on {host}, port {port}: {error}"),
        })
    }

    /// There can't be a Unix socket at `path`. If a server listens there, `holder` is whose, if that is known.
    pub(super) fn of_socket(path: &Path, error: &io::Error, holder: Option<&str>) -> Self {
        let (path, by) = (path.display(), by(holder));
        Self(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "the socket '{path}' is in use{by}: end that server, or give --bind another path"
            ),
            io::ErrorKind::AlreadyExists => format!(
                "'{path}' is there and is no socket of a server: remove it, or give --bind another path"
            ),
            io::ErrorKind::NotFound => {
                format!("the folder of the socket '{path}' is missing: make it first")
            }
            io::ErrorKind::InvalidInput => format!(
                "the path '{path}' is too long for a socket: give --bind one of about 100 characters at most"
            ),
            io::ErrorKind::PermissionDenied => format!(
                "there may be no socket '{path}' of yours: give --bind another path, or change permissions"
            ),
            _ => format!("there can't be a socket '{path}': {error}"),
        })
    }
}

/// Who has it, if that is known.
fn by(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}
