//! The command `thimble-tokio`: serves a folder, on every core.

use std::process::ExitCode;

use clap::Parser;
use thimble_host::command::{self, Flags};
use thimble_tokio::{Cgi, Folder, Server, UploadFolder};

const NAME: &str = "thimble-tokio";

/// Serves a folder to web browsers: its files, and forms that are sent to its pages.
#[derive(Parser)]
#[command(name = NAME, version, after_help = command::examples(NAME))]
struct Command {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let Command { flags } = command::parse();
    command::run(NAME, &flags, |job, listeners| {
        let uploads = job.uploads.map(UploadFolder::from);
        let site = flags.site(Folder::from(job.folder), job.forms, uploads);
        let site: Cgi<_> = flags.with_programs(site, job.programs, &job.log, &job.layers);
        let service = job.layers.around(site);
        let (is_shared, is_worker) = (listeners.are_shared(), listeners.are_of_worker());
        listeners.serve(|listeners, start| {
            let server = Server::from_listeners(listeners)?
                .max_conns(flags.max_conns)
                .limits(flags.limits())
                .deadlines(flags.times.deadlines())
                .log(job.log.clone())
                .tls(job.tls.clone());
            let server = if is_shared { server.share_listener() } else { server };
            let server = if is_worker { server.threads(1) } else { server };
            start.begin(server.stop())?;
            server.run(service)
        })
    })
}
