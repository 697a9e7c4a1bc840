//! The flags for deadlines.

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use thimble_core::Deadlines;

/// The flags that say how long clients may take.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Processes and limits")]
#[non_exhaustive]
pub struct Times {
    /// Seconds to wait for the next request on a connection
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds())]
    pub idle_timeout: u64,

    /// Seconds to wait for the whole head of a request
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds())]
    pub head_timeout: u64,

    /// Seconds that a form, or what a program is sent, may fall behind 1 KiB a second
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds())]
    pub content_timeout: u64,

    /// Seconds to wait for a client that has stopped reading a reply
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = seconds())]
    pub reply_timeout: u64,
}

impl Times {
    /// The deadlines that the flags ask for; the rest as in [`Deadlines::DESKTOP`].
    pub fn deadlines(self) -> Deadlines {
        let mut deadlines = Deadlines::DESKTOP;
        deadlines.idle = Duration::from_secs(self.idle_timeout);
        deadlines.head = Duration::from_secs(self.head_timeout);
        deadlines.content = Duration::from_secs(self.content_timeout);
        deadlines.reply = Duration::from_secs(self.reply_timeout);
        deadlines
    }
}

/// Seconds, from 1 to those of a day.
fn seconds() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(1..=86_400)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        times: Times,
    }

    #[test]
    fn without_flags_they_are_those_of_a_computer() {
        let command = Command::try_parse_from(["thimble"]).ok();
        assert_eq!(command.map(|it| it.times.deadlines()), Some(Deadlines::DESKTOP));
        let line = ["thimble", "--reply-timeout", "600"];
        let reply = Command::try_parse_from(line).ok().map(|it| it.times.deadlines().reply);
        assert_eq!(reply, Some(Duration::from_mins(10)));
        assert!(Command::try_parse_from(["thimble", "--idle-timeout", "0"]).is_err());
    }
}
