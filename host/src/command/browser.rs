//! The user's browser.

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use crate::log::Log;

/// A program that has run for so long has opened the page.
const MOMENT: Duration = Duration::from_secs(5);

/// How often to look whether a program has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Has the user's browser show `url`, and doesn't wait for it. If that fails, `log` says so.
///
/// The first program is started before this returns, by this thread.
pub(super) fn open(url: String, log: Log) {
    let mut commands = commands(&url).into_iter();
    let first = start(&mut commands);
    let watch = move || {
        if let Err(why) = watch(first, commands) {
            log.note(format!("no browser could be opened: {why}; go to {url}").as_bytes());
        }
    };
    // Without a thread, nobody hears of a failure.
    let _ = thread::Builder::new().name("thimble-open".into()).stack_size(64 * 1024).spawn(watch);
}

/// Waits until one of the programs has done it.
fn watch(first: Result<Child, String>, mut commands: IntoIter<Command>) -> Result<(), String> {
    let mut started = first;
    loop {
        let Err(why) = has_opened(started?) else { return Ok(()) };
        let next = start(&mut commands);
        if next.is_err() {
            return Err(why);
        }
        started = next;
    }
}

/// Starts the first of `commands` that there is.
fn start(commands: &mut IntoIter<Command>) -> Result<Child, String> {
    let mut outcome = Err("no program for that was found".to_owned());
    for command in commands {
        let name = command.get_program().display().to_string();
        outcome = detached(command).map_err(|error| format!("'{name}': {error}"));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Starts a program that goes on when this one ends, and takes no part in its terminal.
fn detached(mut command: Command) -> io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn()
}

/// Waits for the end of a program, which may be a browser itself.
fn has_opened(mut child: Child) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < MOMENT {
        match child.try_wait() {
            Ok(Some(status)) if !status.success() => {
                return Err(format!("the program for that failed ({status})"));
            }
            Ok(None) => thread::sleep(LOOK),
            // Where somebody else waits for all children, nobody knows.
            Ok(Some(_)) | Err(_) => return Ok(()),
        }
    }
    // It has opened the page; the system keeps what is left of it until somebody asks.
    let _ = child.wait();
    Ok(())
}

/// The programs to try in turn: those that the user names, as Python's webbrowser takes them, then those of
/// the system.
fn commands(url: &str) -> Vec<Command> {
    let named = env::var("BROWSER").unwrap_or_default();
    let mut commands: Vec<_> = named.split(':').filter_map(|one| named_by_user(one, url)).collect();
    if has_display() {
        commands.extend(open::commands(url));
    }
    commands
}

/// A program with its arguments, of which `%s` stands for the URL. Without any, it is the last one.
fn named_by_user(text: &str, url: &str) -> Option<Command> {
    // A path may have spaces in it.
    let words: Vec<&str> =
        if Path::new(text).is_file() { vec![text] } else { text.split_whitespace().collect() };
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|argument| argument.replace("%s", url)));
    if !arguments.iter().any(|argument| argument.contains("%s")) {
        command.arg(url);
    }
    Some(command)
}

/// Whether there may be somebody to look at a browser. Without a display, some systems open one in the
/// terminal.
fn has_display() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(target_os = "macos", target_os = "ios"))
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_as_python_has_it() {
        let url = "http://127.0.0.1:8000/";
        for (text, words) in [
            ("firefox", vec!["firefox", url]),
            ("firefox -P other", vec!["firefox", "-P", "other", url]),
            ("firefox --url=%s -P x", vec!["firefox", "--url=http://127.0.0.1:8000/", "-P", "x"]),
        ] {
            let command = named_by_user(text, url).expect("a command");
            let found = [command.get_program()].into_iter().chain(command.get_args());
            assert!(found.eq(words), "{text}");
        }
        assert!(named_by_user("", url).is_none() && named_by_user(" ", url).is_none());
    }

    #[test]
    fn the_first_program_that_succeeds_is_the_last() {
        let run = |names: &[&str]| {
            let commands: Vec<_> = names.iter().map(Command::new).collect();
            let mut commands = commands.into_iter();
            let first = start(&mut commands);
            watch(first, commands)
        };
        assert_eq!(run(&["/no/such/program", "false", "true", "false"]), Ok(()));
        let failed = run(&["/no/such/program", "false", "/no/other"]).unwrap_err();
        assert!(failed.contains("exit status: 1"), "{failed}");
        let missing = run(&["/no/such/program"]).unwrap_err();
        assert!(missing.contains("'/no/such/program'"), "{missing}");
        assert!(run(&[]).is_err());
    }
}
