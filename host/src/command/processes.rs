//! The flag for worker processes.

use std::num::NonZero;
use std::thread;

use clap::Args;

/// The flag that says how many processes serve.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Processes and limits")]
#[non_exhaustive]
pub struct Processes {
    /// Serve by N processes, of which each takes up to --max-conns; 0 for one on each core
    #[arg(long, value_name = "N")]
    pub workers: Option<u16>,
}

impl Processes {
    /// How many processes are to serve, if this one is not to serve itself.
    pub(super) fn count(self) -> Option<usize> {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        self.workers.map(|count| if count == 0 { cores() } else { count.into() })
    }
}
