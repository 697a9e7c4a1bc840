//! The command line, parsed; what is wrong with it, in one line.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser};

/// What the parser of a number says, and what a person can do about it.
const NUMBERS: [(&str, &str); 4] = [
    ("invalid digit found in string", "give a whole number, without a unit"),
    ("cannot parse integer from empty string", "give a whole number"),
    ("number too large to fit in target type", "give a smaller number"),
    ("number too small to fit in target type", "give a greater number"),
];

/// The flags that need others.
const NEEDY: [&str; 7] = [
    "--tls-key",
    "--export",
    "--cgi-timeout",
    "--cgi-max",
    "--cgi-spool",
    "--cgi-env",
    "--interpreter",
];

/// Parses the arguments of this process. Help and the version are printed, and an error in one line; all of
/// them end the process.
pub fn parse<C: Parser>() -> C {
    let arguments = joined(std::env::args_os());
    C::try_parse_from(arguments).unwrap_or_else(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        let code = error.exit_code();
        let _ = writeln!(io::stderr(), "{}: {}", C::command().get_name(), line(error));
        process::exit(code)
    })
}

/// An error as one line: what is wrong, and what to do.
fn line(error: Error) -> String {
    let has_reason = error.kind() == ErrorKind::ValueValidation;
    if let Some((given, missing)) = missing(&error) {
        return format!("{given} needs {missing}, too");
    }
    let text = with_tip(error).to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut line = String::new();
    let pieces = text.lines().map(str::trim).filter(|piece| !piece.is_empty());
    // Whoever mistypes a flag doesn't mean a value.
    let pieces = pieces.filter(|piece| !piece.contains(" as a value, use "));
    let end =
        |piece: &str| piece.starts_with("Usage:") || piece.starts_with("For more information");
    for piece in pieces.take_while(|piece| !end(piece)) {
        let between = if line.is_empty() {
            ""
        } else if piece.starts_with("tip: ") {
            "; "
        } else {
            " "
        };
        line += between;
        line += piece.strip_prefix("tip: ").unwrap_or(piece);
    }
    for (said, wanted) in NUMBERS {
        line = line.replace(said, wanted);
    }
    if let Some((before, range)) = line.split_once(" is not in ")
        && let Some((before, _)) = before.rsplit_once(": ")
        && let Some((least, most)) = range.split_once("..=")
    {
        line = format!("{before}: give a number from {least} to {most}");
    }
    if has_reason || line.contains("; ") {
        line
    } else {
        format!("{line}; --help says what there is")
    }
}

/// A flag that is given and those that it needs, if they are missing.
fn missing(error: &Error) -> Option<(String, String)> {
    let Some(ContextValue::Strings(names)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    // The usage shows what was given, and what is missing.
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let mut flags = usage.split_whitespace().filter(|word| word.starts_with("--"));
    let given = flags.find(|flag| NEEDY.contains(flag));
    let given = given.unwrap_or("what is given").to_owned();
    // One of several is written `<--cgi|--cgi-dir <NAME>>`.
    let one = |name: &String| {
        let several = name.strip_prefix('<').and_then(|name| name.strip_suffix('>'));
        several.unwrap_or(name).replace("|--", " or --")
    };
    Some((given, names.iter().map(one).collect::<Vec<_>>().join(" and ")))
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
    fn errors_are_a_line_that_says_what_to_do() {
        const NUMBER: &str = "give a whole number, without a unit";
        for (line, wanted) in [
            (
                "t 8000 site",
                "unexpected argument 'site' found; give one folder or file; a port is given by '-p PORT'",
            ),
            (
                "t --directry x",
                "unexpected argument '--directry' found; a similar argument exists: '--directory'",
            ),
            ("t --event", "unexpected argument '--event' found; --help says what there is"),
            ("t --max-conns 0", "invalid value '0' for '--max-conns <N>': give a number from 1 up"),
            ("t -p foo", &format!("invalid value 'foo' for '--port <PORT>': {NUMBER}")),
            (
                "t --reply-timeout 1s",
                &format!("invalid value '1s' for '--reply-timeout <SECONDS>': {NUMBER}"),
            ),
            (
                "t --idle-timeout 0",
                "invalid value '0' for '--idle-timeout <SECONDS>': give a number from 1 to 86400",
            ),
            ("t --cgi-timeout 5", "--cgi-timeout needs --cgi or --cgi-dir <NAME>, too"),
            ("t -q --tls-key k", "--tls-key needs --tls-cert <FILE>, too"),
            (
                "t -p 99999",
                "invalid value '99999' for '--port <PORT>': give a number from 0 to 65535",
            ),
            (
                "t --auth-for all --auth a:b --auth-for",
                "a value is required for '--auth-for <all|write>' but none was supplied [possible values: all, write]; --help says what there is",
            ),
        ] {
            let error = Command::try_parse_from(line.split(' ')).err().map(super::line);
            assert_eq!(error.as_deref(), Some(wanted), "{line}");
        }
    }
}
