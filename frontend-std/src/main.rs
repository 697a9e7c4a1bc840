//! The command `thimble`: serves a folder.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use thimble_std::command::{self, Flags, Problem};
use thimble_std::{Kept, Server, Site};

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
    match serve(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "{NAME}: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Flags) -> Result<(), Problem> {
    let index: Vec<&str> = flags.index.iter().map(String::as_str).collect();
    let kept = if flags.submissions { Kept::latest() } else { Kept::none() };
    let site = Site::new(flags.folder()?)
        .index(&index)
        .hidden(flags.hidden)
        .forms(!flags.no_forms)
        .submissions(kept)
        .show_submissions(flags.submissions);

    let listener = flags.listen()?;
    command::raise_file_limit();
    command::report_panics(NAME);
    let log = flags.log();
    let run = || {
        let server = Server::from_listener(listener)?
            .max_conns(flags.max_conns)
            .limits(flags.limits())
            .log(log.clone());
        let stop = server.stop();
        command::on_signal(move || stop.stop())?;
        flags.announce(server.local_addr()?);
        server.run(&site)
    };
    let outcome = run().map_err(|error| Problem::of_run(&error));
    log.flush(Duration::from_secs(1));
    outcome
}
