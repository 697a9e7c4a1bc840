//! The flags that say where a command listens, and how others get there; and what it prints of that.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::thread;

use clap::Args;

use super::bind::{self, Bind};
use super::problem::Problem;
use super::urls::{self, Address};
use super::{browser, qr};
use crate::listen::{Listener, SocketFile};
use crate::log::Log;
use crate::tls::Tls;

/// The flags that say where a command listens, and how others get there.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct SharingFlags {
    /// Port to listen on; 0 takes any free one
    #[arg(short, long, default_value_t = 8000)]
    pub port: u16,

    /// Address to listen on, or unix:PATH; :: lets other machines in; give it again for others
    #[arg(short, long, value_name = "ADDRESS", default_values = ["127.0.0.1"])]
    pub bind: Vec<Bind>,

    /// Print a QR code of the first address that others can reach
    #[arg(long)]
    pub qr: bool,

    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

/// What is said of a server that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served<'s> {
    /// What it serves, as the user calls it.
    pub(super) name: &'s str,
    pub(super) scheme: &'s str,
    /// The path of a URL to begin at.
    pub(super) path: &'s str,
    pub(super) addresses: &'s [Address],
    pub(super) tls: Option<&'s Tls>,
}

impl SharingFlags {
    /// Listens wherever that is asked for.
    ///
    /// # Errors
    /// One of the addresses isn't one of this machine, or a port is in use or needs more privileges; or there
    /// can't be a Unix socket where one is wanted.
    pub(super) fn listen(&self) -> Result<(Vec<Listener>, Vec<SocketFile>), Problem> {
        bind::listen(&self.bind, self.port)
    }

    /// The names and addresses that are listened on, as they were given.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.bind.iter().filter_map(Bind::host)
    }

    /// Prints on standard output what is served, and at which URLs, and the fingerprint of a certificate that no
    /// client can know; then shows it in other ways that were asked for. What of that fails is told in `log`.
    pub(super) fn announce(&self, served: &Served<'_>, log: &Log) {
        let places = urls::reached(served.addresses);
        let url = |at: &SocketAddr| format!("{}://{at}{}", served.scheme, served.path);
        let mut text = served.text(places.iter().map(url));
        if self.qr {
            let other = places.iter().find(|at| !at.ip().to_canonical().is_loopback());
            match other.map(|at| qr::lines(&url(at))) {
                Some(Some(code)) => text.push_str(&code),
                Some(None) => log.note(b"there is no QR code: the address is too long"),
                None => log.note(
                    b"there is no QR code: no other machine can reach this server; --bind :: lets them in",
                ),
            }
        }
        // Writing waits for ever if standard output is a full pipe that nobody reads.
        let (thread, aside) = (thread::Builder::new().stack_size(64 * 1024), text.clone());
        if thread.spawn(move || print(&aside)).is_err() {
            print(&text);
        }
        if self.open {
            let own = places.iter().find(|at| at.ip().is_loopback()).or(places.first());
            match own {
                Some(own) => browser::open(url(own), log.clone()),
                None => log.note(
                    b"no browser could be opened: none reaches a Unix socket; --bind 127.0.0.1 is for them",
                ),
            }
        }
    }
}

impl Served<'_> {
    fn text(&self, urls: impl Iterator<Item = String>) -> String {
        let sockets = self.addresses.iter().filter_map(|address| match address {
            Address::Tcp { .. } => None,
            Address::Unix(path) => Some(format!("unix:{}", path.display())),
        });
        let places = urls.chain(sockets).collect::<Vec<_>>().join("\n        and at ");
        let mut text = format!("Serving {} at {places}\n", self.name);
        if let Some(tls) = self.tls.filter(|tls| !tls.has_files()) {
            let print = tls.fingerprint();
            text = format!("{text}Certificate for this run, SHA-256 fingerprint {print}\n");
        }
        text
    }
}

/// Whether anybody reads it makes no difference to the server.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
