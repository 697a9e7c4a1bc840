//! The harness, and a head that is parsed in it with all its facts; nothing is done with it.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use embedded_io::{Read, Write};
use panic_halt as _;
use thimble_core::message::HeadReader;
use thimble_core::message::reader::HeadLimits;
use thimble_size::Memory;

#[entry]
fn main() -> ! {
    let mut memory = Memory::default();
    let (mut rx, mut tx) = ([0; 2048], [0; 1024]);
    let limits = HeadLimits { request_line: 1024, field_section: 2560, fields: 64 };
    let mut reader = HeadReader::default();
    loop {
        let _ = memory.read(black_box(&mut rx));
        let _ = black_box(reader.resume(black_box(&rx), black_box(&limits), &mut []));
        black_box(&mut reader);
        let _ = memory.write(black_box(&mut tx));
    }
}
