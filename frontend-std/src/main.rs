//! The command `thimble`: serves a folder.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use thimble_core::Service;
use thimble_host::command::{self, Flags, LIMITS, Listeners};
use thimble_host::log::Log;
use thimble_host::tls::Tls;
use thimble_std::{Cgi, EventLoop, Server, event_loop};

const NAME: &str = "thimble";

/// Serves a folder to web browsers: its files, and forms that are sent to its pages.
#[derive(Parser)]
#[command(name = NAME, version, after_help = command::examples(NAME))]
struct Command {
    #[command(flatten)]
    flags: Flags,

    /// Serve all connections in turn by one thread, instead of each by a thread of its own
    #[arg(long, help_heading = LIMITS)]
    event_loop: bool,
}

fn main() -> ExitCode {
    let Command { flags, event_loop } = command::parse();
    command::run(NAME, &flags, |job, listeners| {
        let (log, tls, layers) = (&job.log, job.tls.as_ref(), job.layers);
        if event_loop {
            let uploads = job.uploads.map(event_loop::UploadFolder::from);
            let site = flags.site(event_loop::Folder::from(job.folder), job.forms, uploads);
            if !flags.programs.are_run() {
                // Then no request pays for a look whether it is for one.
                return by_loop(&flags, listeners, log, tls, layers.around(site));
            }
            let site: event_loop::Cgi<_> = flags.with_programs(site, job.programs, log, &layers);
            return by_loop(&flags, listeners, log, tls, layers.around(site));
        }
        let site = flags.site(job.folder, job.forms, job.uploads);
        let site: Cgi<_> = flags.with_programs(site, job.programs, log, &layers);
        let service = layers.around(site);
        listeners.serve(|listeners, start| {
            let server = Server::from_listeners(listeners)?
                .max_conns(flags.max_conns)
                .limits(flags.limits())
                .deadlines(flags.times.deadlines())
                .log(log.clone())
                .tls(tls.cloned());
            start.begin(server.stop())?;
            server.run(service)
        })
    })
}

/// Serves by an event loop.
fn by_loop<S: Service + Sync>(
    flags: &Flags,
    listeners: Listeners<'_>,
    log: &Log,
    tls: Option<&Tls>,
    service: &'static S,
) -> io::Result<()> {
    listeners.serve(|listeners, start| {
        let server = EventLoop::from_listeners(listeners)?
            .max_conns(flags.max_conns)
            .limits(flags.limits())
            .deadlines(flags.times.deadlines())
            .log(log.clone())
            .tls(tls.cloned());
        start.begin(server.stop())?;
        server.run(service)
    })
}
