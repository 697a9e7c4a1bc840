//! The command `thimble`: serves a folder.

use std::process::ExitCode;

use clap::Parser;
use thimble_host::command::{self, Flags};
use thimble_std::Server;

const NAME: &str = "thimble";

/// Serves a folder to web browsers: its files, and forms that are sent to its pages.
#[derive(Parser)]
#[command(name = NAME, version, after_help = command::examples(NAME))]
struct Command {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let Command { flags } = command::parse();
    command::run(NAME, &flags, |job| {
        let server = Server::from_listener(job.listener)?
            .max_conns(flags.max_conns)
            .limits(flags.limits())
            .deadlines(flags.times.deadlines())
            .log(job.log);
        flags.begin(NAME, server.local_addr()?, server.stop())?;
        server.run(flags.site(job.folder, job.forms, job.uploads))
    })
}
