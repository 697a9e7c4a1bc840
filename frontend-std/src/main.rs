//! The command `thimble`: serves a folder.

use std::process::ExitCode;

use clap::Parser;
use thimble_host::command::{self, Flags, LIMITS};
use thimble_std::{Cgi, EventLoop, Server, event_loop};

const NAME: &str = "thimble";

/// Serves a folder to web browsers: its files, and forms that are sent to its pages.
#[derive(Parser)]
#[command(name = NAME, version, after_help = command::examples(NAME))]
struct Command {
    #[command(flatten)]
    flags: Flags,

    /// Serve all connections in turn by one thread, instead of each by a thread of its own
    #[arg(long, conflicts_with_all = ["cgi", "cgi_dir"], help_heading = LIMITS)]
    event_loop: bool,
}

fn main() -> ExitCode {
    let Command { flags, event_loop } = command::parse();
    command::run(NAME, &flags, |job, listeners| {
        if event_loop {
            let uploads = job.uploads.map(event_loop::UploadFolder::from);
            let site = flags.site(event_loop::Folder::from(job.folder), job.forms, uploads);
            let service = job.layers.around(site);
            return listeners.serve(|listeners, start| {
                let server = EventLoop::from_listeners(listeners)?
                    .max_conns(flags.max_conns)
                    .limits(flags.limits())
                    .deadlines(flags.times.deadlines())
                    .log(job.log.clone())
                    .tls(job.tls.clone());
                start.begin(server.stop())?;
                server.run(service)
            });
        }
        let site = flags.site(job.folder, job.forms, job.uploads);
        let site: Cgi<_> = flags.with_programs(site, job.programs, &job.log, &job.layers);
        let service = job.layers.around(site);
        listeners.serve(|listeners, start| {
            let server = Server::from_listeners(listeners)?
                .max_conns(flags.max_conns)
                .limits(flags.limits())
                .deadlines(flags.times.deadlines())
                .log(job.log.clone())
                .tls(job.tls.clone());
            start.begin(server.stop())?;
            server.run(service)
        })
    })
}
