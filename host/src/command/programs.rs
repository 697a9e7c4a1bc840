//! The flags for programs that make replies.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{ArgGroup, Args};
use thimble_core::Deadlines;
use thimble_core::gateway::is_meta_variable;

use super::problem::Problem;
use super::size;
use crate::cgi::programs::in_path;
use crate::cgi::waiting::Waiting;
use crate::cgi::{self, Cgi};
use crate::folder::{Folder, Located};
use crate::log::Log;

/// The folders whose files are programs with `--cgi`.
pub(super) const FOLDERS: [&str; 2] = ["cgi-bin", "htbin"];

/// Either of the flags without which there are no programs.
const ASKED: &str = "programs";

/// The flags that say which programs are run, and how.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Programs",
    group = ArgGroup::new(ASKED).args(["cgi", "cgi_dir"]).multiple(true)
)]
#[non_exhaustive]
pub struct ProgramFlags {
    /// Run the files in cgi-bin/ and htbin/ as programs that make replies (CGI)
    #[arg(long)]
    pub cgi: bool,

    /// Run the files in this folder of the site, with --cgi or without; give it again for others
    #[arg(long, value_name = "NAME", value_parser = folder)]
    pub cgi_dir: Vec<String>,

    /// Seconds a program may take to begin its reply, and for each further piece
    #[arg(long, value_name = "SECONDS", default_value = "60", requires = ASKED, value_parser = seconds())]
    pub cgi_timeout: u64,

    /// Most programs to run at a time; further requests wait up to 10 s, or --cgi-timeout if that is less
    #[arg(long, value_name = "N", default_value_t = cgi::MAX, requires = ASKED, value_parser = super::flags::at_least_one)]
    pub cgi_max: usize,

    /// Largest chunked content to collect for a program, which is sent its length
    #[arg(long, value_name = "SIZE", default_value = "256M", requires = ASKED, value_parser = size::octets)]
    pub cgi_spool: usize,

    /// Variable for programs: this value, or the server's own; give it again for others
    #[arg(long, value_name = "NAME[=VALUE]", requires = ASKED, value_parser = variable)]
    pub cgi_env: Vec<(String, Option<String>)>,

    /// Program that runs files whose names end in .EXT, such as .py=python3
    #[arg(long, value_name = ".EXT=PROGRAM", requires = ASKED, value_parser = interpreter)]
    pub interpreter: Vec<(String, PathBuf)>,
}

impl ProgramFlags {
    /// Whether programs are run at all.
    pub const fn are_run(&self) -> bool {
        self.cgi || !self.cgi_dir.is_empty()
    }

    /// The folders of programs, as they were named.
    pub(super) fn folders(&self) -> Vec<String> {
        self.with_usual(self.cgi)
    }

    /// The folders of which no file is sent: also those that would be run if that was asked for.
    pub(super) fn kept_apart(&self) -> Vec<String> {
        self.with_usual(self.are_run())
    }

    fn with_usual(&self, has_usual: bool) -> Vec<String> {
        let usual = FOLDERS.iter().filter(|_| has_usual).map(|name| (*name).to_owned());
        usual.chain(self.cgi_dir.iter().cloned()).collect()
    }

    /// Looks for the folders of programs that were named.
    ///
    /// # Errors
    /// One is missing, or is no folder.
    pub(super) fn check(&self, root: &Folder) -> Result<(), Problem> {
        let is_there =
            |folder: &String| matches!(root.locate(folder.as_bytes()), Ok(Located::Directory));
        match self.cgi_dir.iter().find(|folder| !is_there(folder)) {
            Some(folder) => Err(Problem::of_program_folder(folder)),
            None => Ok(()),
        }
    }

    /// The service that runs the programs beneath `root`, and passes on all else to `inner`.
    pub(super) fn service<S, W: Waiting + Default>(
        &self,
        inner: S,
        root: Folder,
        shows_hidden: bool,
        deadlines: Deadlines,
        log: Log,
    ) -> Cgi<S, W> {
        let mut programs = Cgi::new(inner, root, &self.folders())
            .max(self.cgi_max)
            .timeout(Duration::from_secs(self.cgi_timeout))
            .deadlines(deadlines)
            .spool(self.cgi_spool as u64)
            .log(log);
        if shows_hidden {
            programs = programs.show_hidden();
        }
        for (name, value) in &self.cgi_env {
            let value = value.as_ref().map(OsString::from).or_else(|| std::env::var_os(name));
            if let Some(value) = value {
                programs = programs.variable(name, value);
            }
        }
        for (end, interpreter) in &self.interpreter {
            programs = programs.interpreter(end, interpreter);
        }
        programs
    }
}

fn seconds() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=86_400)
}

/// The path of a folder beneath the root.
fn folder(path: &str) -> Result<String, &'static str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(|name| matches!(name, "" | "." | "..")) || path.contains('\0') {
        return Err("name a folder within the one that is served, such as cgi-bin");
    }
    Ok(path.to_owned())
}

fn variable(text: &str) -> Result<(String, Option<String>), &'static str> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    if name.is_empty() || !name.bytes().all(is_plain) || text.contains('\0') {
        return Err("write it like HOME or HOME=/srv");
    }
    if is_meta_variable(name) {
        return Err("that is a variable of each request: choose another name");
    }
    Ok((name.to_owned(), value))
}

fn interpreter(text: &str) -> Result<(String, PathBuf), String> {
    let divided = text.split_once('=').filter(|(end, program)| {
        end.len() > 1 && end.starts_with('.') && !end.contains('/') && !program.is_empty()
    });
    let (end, program) = divided.ok_or("write it like .py=python3")?;
    let path = in_path(program.as_ref());
    let path = path
        .ok_or_else(|| format!("there is no program '{program}': install it, or give its path"))?;
    Ok((end.to_owned(), path))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        programs: ProgramFlags,
    }

    fn parse(line: &str) -> Option<ProgramFlags> {
        let line = ["thimble"].into_iter().chain(line.split_whitespace());
        Command::try_parse_from(line).ok().map(|command| command.programs)
    }

    #[test]
    fn folders_are_those_that_were_asked_for() {
        let folders = |line| parse(line).map(|flags| flags.folders());
        assert_eq!(folders(""), Some(vec![]));
        assert_eq!(folders("--cgi"), Some(vec!["cgi-bin".into(), "htbin".into()]));
        assert_eq!(folders("--cgi-dir a/ --cgi-dir ./b/c"), Some(vec!["a".into(), "b/c".into()]));
    }

    #[test]
    fn what_says_how_programs_are_run_needs_programs() {
        for line in [
            "--cgi-timeout 60",
            "--cgi-max 1",
            "--cgi-spool 1K",
            "--cgi-env A",
            "--interpreter .x=sh",
        ] {
            assert!(parse(line).is_none(), "{line}");
            assert!(parse(&format!("--cgi {line}")).is_some(), "{line}");
            assert!(parse(&format!("{line} --cgi-dir a")).is_some(), "{line}");
        }
    }

    #[test]
    fn values_are_checked() {
        let flags = parse("--cgi --cgi-env A --cgi-env B=c=d --cgi-env E= --interpreter .x=sh");
        let Some(flags) = flags else { panic!("refused") };
        let variables = [("A", None), ("B", Some("c=d")), ("E", Some(""))];
        assert!(
            flags.cgi_env.iter().map(|(name, value)| (&**name, value.as_deref())).eq(variables)
        );
        assert!(flags.interpreter.iter().all(|(end, path)| end == ".x" && path.is_absolute()));
        for line in [
            "--cgi-dir ..",
            "--cgi-dir /a",
            "--cgi-dir a//b",
            "--cgi-timeout 0",
            "--cgi-max 0",
            "--cgi-env =a",
            "--cgi-env A-B=1",
            "--cgi-env CONTENT_LENGTH=9",
            "--cgi-env HTTP_PROXY=p",
            "--interpreter py=sh",
            "--interpreter .x",
            "--interpreter .x=",
            "--interpreter .x=no-such-program",
        ] {
            assert!(parse(&format!("--cgi {line}")).is_none(), "{line}");
        }
    }
}
