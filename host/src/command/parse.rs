//! The command line, parsed, with a tip where the error alone wouldn't help.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser};

/// Parses the arguments of this process. Help, the version and errors are printed, and end the process.
pub fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| with_tip(error).exit())
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
