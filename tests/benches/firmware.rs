//! Requests per second of the firmware under QEMU, over one keep-alive connection, beside an image
//! that parses nothing and sends a fixed reply: by turns, so that a busy machine slows both.
//!
//! `cargo bench -p thimble-tests --bench firmware`; it needs what `tests/run` installs.

use std::io::{Error, Result};
use std::process::Command;

use thimble_tests::qemu::Guest;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let (server, fixed) = (Guest::boot("hello"), Guest::boot("fixed"));
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (rates, guest) in rates.iter_mut().zip([&server, &fixed]) {
            let url = format!("http://{}/", guest.address());
            let output = Command::new("wrk").args(["-t1", "-c1", "-d1s", &url]).output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
            let rate = rate.and_then(|rate| rate.trim().parse::<f64>().ok());
            rates.push(rate.ok_or_else(|| Error::other(text))?);
        }
    }
    let [server, fixed] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(ROUNDS / 2).copied().unwrap_or_default()
    });
    println!("{server:.0} requests/s, a fixed reply {fixed:.0}: {:.2}", server / fixed);
    Ok(())
}
