//! Starting a script's process.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::process::{Ending, Process};
use super::programs::Program;

/// The folders of programs where the server has no PATH.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a script reads.
#[derive(Debug)]
pub(super) enum Input {
    /// Nothing.
    Nothing,
    /// A file, from its start.
    File(File),
    /// What comes through a pipe.
    Pipe,
}

/// What a script is started with.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) program: Program,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) words: Vec<OsString>,
    pub(super) input: Input,
}

/// A script that runs, and our ends of its pipes, which don't block.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

impl Start {
    /// Starts the script, in its folder and in a process group of its own. std does that by posix_spawn, and
    /// so without a copy of this process, as long as the program is given by its path and nothing is to run
    /// between.
    ///
    /// # Errors
    /// It can't be run, or the system has no room for it.
    pub(super) fn spawn(self, ending: Arc<Ending>) -> io::Result<Running> {
        let Self { program, variables, words, input } = self;
        let mut command = match &program.interpreter {
            Some(interpreter) => {
                let mut command = Command::new(interpreter);
                command.arg(&program.file);
                command
            }
            None => Command::new(&program.file),
        };
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()))
            .envs(std::env::var_os("LANG").map(|lang| ("LANG", lang)))
            .envs(variables)
            .current_dir(program.folder())
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match input {
            Input::Nothing => command.stdin(Stdio::null()),
            Input::File(file) => command.stdin(file),
            Input::Pipe => command.stdin(Stdio::piped()),
        };
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Process::new(child, ending);
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdin = stdin.map(|pipe| unblocked(pipe.into())).transpose()?;
        let stdout = unblocked(stdout.ok_or_else(missing)?.into())?;
        let stderr = unblocked(stderr.ok_or_else(missing)?.into())?;
        Ok(Running { process, stdin, stdout, stderr })
    }
}

/// A name or value of the environment, or an argument.
pub(super) fn text(octets: &[u8]) -> OsString {
    OsString::from_vec(octets.to_vec())
}

fn unblocked(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    rustix::io::ioctl_fionbio(descriptor.as_fd(), true)?;
    Ok(descriptor)
}
