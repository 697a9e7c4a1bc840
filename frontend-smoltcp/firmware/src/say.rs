//! What the board says to the host, over semihosting. QEMU hears it, and so does a debugger; without
//! either, a real board faults there.

use cortex_m_semihosting::hio;
use thimble_core::bytes::ascii::Decimal;

/// Says all of `parts`, as they are. core's formatting would take some kilobytes.
pub fn say(parts: &[&str]) {
    let Ok(mut host) = hio::hstdout() else { return };
    for part in parts {
        let _ = host.write_all(part.as_bytes());
    }
}

/// Says a number, between two texts.
pub fn say_number(before: &str, number: u32, after: &str) {
    let number = Decimal::new(number.into());
    say(&[before, core::str::from_utf8(number.as_bytes()).unwrap_or_default(), after]);
}
