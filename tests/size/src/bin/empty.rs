//! The harness without a server: what it weighs is subtracted.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use embedded_io::{Read, Write};
use panic_halt as _;
use thimble_size::Memory;

#[entry]
fn main() -> ! {
    let mut memory = Memory::default();
    let (mut rx, mut tx) = ([0; 2048], [0; 1024]);
    loop {
        let _ = memory.read(black_box(&mut rx));
        let _ = memory.write(black_box(&mut tx));
    }
}
