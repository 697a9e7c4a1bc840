//! The command `thimble`: serves a folder.

use std::process::ExitCode;

use clap::Parser;
use thimble_std::Server;
use thimble_std::command::{self, Flags};

const NAME: &str = "thimble";

/// Serves a folder to web browsers: its files, and forms that are sent to its pages.
#[derive(Parser)]
#[command(name = NAME, version, after_help = EXAMPLES)]
struct Command {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  thimble                     Serve the current folder at http://127.0.0.1:8000/
  thimble site -p 0           Serve the folder `site` at any free port
  thimble -b 0.0.0.0          Let other machines in
  thimble -q 2>/dev/null      Say nothing while it runs

A form sent to a page comes back as that page, with what was sent in it, at the place
marked <!-- form -->. Ctrl-C finishes what is in flight; a second one ends at once.";

fn main() -> ExitCode {
    let Command { flags } = Command::parse();
    command::run(NAME, &flags, |job| {
        let server = Server::from_listener(job.listener)?
            .max_conns(flags.max_conns)
            .limits(flags.limits())
            .log(job.log);
        let stop = server.stop();
        flags.begin(server.local_addr()?, move || stop.stop())?;
        server.run(&job.site)
    })
}
