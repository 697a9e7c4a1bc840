//! Requests per second of the firmware under QEMU, over one keep-alive connection, beside an image
//! that parses nothing and sends a fixed reply: by turns, so that a busy machine slows both, and each
//! second compared with the one after it.
//!
//! `cargo bench -p thimble-tests --bench firmware`; it needs what `tests/run` installs.

use std::io::{Error, Result};
use std::process::Command;

use thimble_tests::qemu::Guest;

const ROUNDS: usize = 9;

fn main() -> Result<()> {
    let (server, fixed) = (Guest::boot("hello"), Guest::boot("fixed"));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((Second::of(&server)?, Second::of(&fixed)?));
    }
    let server = |of: fn(&Second) -> f64| median(rounds.iter().map(|(server, _)| of(server)));
    let fixed = |of: fn(&Second) -> f64| median(rounds.iter().map(|(_, fixed)| of(fixed)));
    let rate = |second: &Second| second.requests;
    let ratio = median(rounds.iter().map(|(server, fixed)| server.requests / fixed.requests));
    println!("{:.0} requests/s, a fixed reply {:.0}: {ratio:.2}", server(rate), fixed(rate));
    let time = |second: &Second| second.cpu / second.requests * 1e6;
    let ratio = fixed(time) / server(time);
    println!(
        "{:.1} us of QEMU's for one, a fixed reply {:.1}: {ratio:.2}",
        server(time),
        fixed(time)
    );
    println!("medians of {ROUNDS} rounds");
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
        let cpu = (guest.cpu_time() - before).as_secs_f64();
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
