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
        rounds.push((rate(&server)?, rate(&fixed)?));
    }
    let ratio = median(rounds.iter().map(|(server, fixed)| server / fixed));
    let server = median(rounds.iter().map(|(server, _)| *server));
    let fixed = median(rounds.iter().map(|(_, fixed)| *fixed));
    println!(
        "{server:.0} requests/s, a fixed reply {fixed:.0}: {ratio:.2}, the median of {ROUNDS}"
    );
    Ok(())
}

/// Requests per second, over a second.
fn rate(guest: &Guest) -> Result<f64> {
    let url = format!("http://{}/", guest.address());
    let output = Command::new("wrk").args(["-t1", "-c1", "-d1s", &url]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate = rate.and_then(|rate| rate.trim().parse::<f64>().ok());
    rate.ok_or_else(|| Error::other(text))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
