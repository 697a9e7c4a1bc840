//! Requests per second of the firmware under QEMU, over one keep-alive connection, beside an image
//! that parses nothing and sends a fixed reply: by turns, so that a busy machine slows both, and each
//! second compared with the one after it.
//!
//! `cargo bench -p thimble-tests --bench firmware`; it needs what `tests/run` installs.

use std::io::{Error, Result};
use std::process::Command;

use thimble_tests::board::qemu::Guest;

const ROUNDS: usize = 9;

fn main() -> Result<()> {
    let (server, fixed) = (Guest::boot("hello"), Guest::boot("fixed"));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((Second::of(&server)?, Second::of(&fixed)?));
    }
    let ratio = median(rounds.iter().map(|(server, fixed)| server.requests / fixed.requests));
    let server = median(rounds.iter().map(|(server, _)| server.requests));
    let fixed = median(rounds.iter().map(|(_, fixed)| fixed.requests));
    println!("{server:.0} requests/s, a fixed reply {fixed:.0}: {ratio:.2}, medians of {ROUNDS}");
    let server = rounds.iter().map(|(server, _)| server.time()).fold(f64::MAX, f64::min);
    let fixed = rounds.iter().map(|(_, fixed)| fixed.time()).fold(f64::MAX, f64::min);
    let ratio = fixed / server;
    println!("{server:.1} us of QEMU for one, a fixed reply {fixed:.1}: {ratio:.2}, at the least");
    Ok(())
}

/// A second of requests.
struct Second {
    requests: f64,
    /// Processor time, which depends less on what else the machine does.
    cpu: f64,
}

impl Second {
    fn of(guest: &Guest) -> Result<Self> {
        let url = format!("http://{}/", guest.address());
        let before = guest.cpu_time();
        let output = Command::new("wrk").args(["-t1", "-c1", "-d1s", &url]).output()?;
        let cpu = guest.cpu_time().saturating_sub(before).as_secs_f64();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        let requests = rate.and_then(|rate| rate.trim().parse::<f64>().ok());
        Ok(Self { requests: requests.ok_or_else(|| Error::other(text))?, cpu })
    }

    /// Microseconds of processor time for a request.
    fn time(&self) -> f64 {
        self.cpu / self.requests * 1e6
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
