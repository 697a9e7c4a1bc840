//! The command line, parsed, with a tip where the error alone wouldn't help.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser};

/// Parses the arguments of this process. Help, the version and errors are printed, and end the process.
pub fn parse<C: Parser>() -> C {
    let arguments = joined(std::env::args_os());
    C::try_parse_from(arguments).unwrap_or_else(|error| with_tip(error).exit())
}

/// The arguments, with an origin that follows `--cors` as its value: without one, what follows is the
/// folder, as in `--cors site`.
fn joined(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut is_over = false;
    for argument in arguments {
        let is_origin = |text: &str| {
            matches!(text, "*" | "null") || text.contains("://") && !text.starts_with('-')
        };
        is_over |= argument == "--";
        match joined.last_mut() {
            Some(last)
                if !is_over && last == "--cors" && argument.to_str().is_some_and(is_origin) =>
            {
                last.push("=");
                last.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

/// Tells somebody who gives a second path, as in `8000 site`, how to give a port.
fn with_tip(mut error: Error) -> Error {
    let is_path = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => !argument.starts_with('-'),
        _ => false,
    };
    if error.kind() == ErrorKind::UnknownArgument && is_path {
        let tip = StyledStr::from("give one folder or file; a port is given by '-p PORT'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Flags;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        _flags: Flags,
    }

    #[test]
    fn an_origin_may_follow_its_flag_and_a_folder_too() {
        for (line, wanted) in [
            ("t --cors", "t --cors"),
            ("t --cors site", "t --cors site"),
            ("t --cors * site", "t --cors=* site"),
            ("t --cors https://a --cors null", "t --cors=https://a --cors=null"),
            ("t --cors --cors=https://a", "t --cors --cors=https://a"),
            ("t --cors -- https://a", "t --cors -- https://a"),
            ("t -- --cors https://a", "t -- --cors https://a"),
        ] {
            let joined = joined(line.split(' ').map(OsString::from));
            assert!(joined.iter().eq(wanted.split(' ').collect::<Vec<_>>()), "{line}: {joined:?}");
            assert!(
                Command::try_parse_from(joined).is_ok() || line.contains("--cors https"),
                "{line}"
            );
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        for (line, wanted) in [
            ("thimble 8000 site", "unexpected argument 'site' found"),
            ("thimble 8000 site", "tip: give one folder or file; a port is given by '-p PORT'"),
            ("thimble --directry x", "tip: a similar argument exists: '--directory'"),
            ("thimble --max-conns 0", "give a number from 1 up"),
            ("thimble --max-conns x", "give a number from 1 up"),
            ("thimble --idle-timeout 0", "0 is not in 1..=86400"),
        ] {
            let error = Command::try_parse_from(line.split(' ')).err().map(with_tip);
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(text.contains(wanted), "{line}: {text}");
        }
    }
}
