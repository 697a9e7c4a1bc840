//! What the board says, on its first serial port (UART0: 115,200 baud, 8 data bits, no parity). QEMU
//! shows it with `-serial stdio`. Nobody has to listen.

use thimble_core::bytes::ascii::Decimal;

use crate::board::{RCGC1, RCGC2, read, write};

const UART0: usize = 0x4000_c000;
const DATA: usize = UART0;
const FLAGS: usize = UART0 + 0x18;
const BAUD_INTEGER: usize = UART0 + 0x24;
const BAUD_FRACTION: usize = UART0 + 0x28;
const LINE: usize = UART0 + 0x2c;
const CONTROL: usize = UART0 + 0x30;
/// Of the flags: something is being sent; the FIFO is full.
const BUSY: u32 = 1 << 3;
const FULL: u32 = 1 << 5;
/// Of the control register: the port is on, and sends.
const ENABLED: u32 = 1 << 8 | 1;

/// The pins of the port, which are general ones after a reset.
const GPIO_A: usize = 0x4000_4000;
const ALTERNATE: usize = GPIO_A + 0x420;
const DIGITAL: usize = GPIO_A + 0x51c;

/// Says all of `parts`, as they are. core's formatting would take some kilobytes.
pub fn print(parts: &[&str]) {
    // A panic may be what is said first, so that no other place switches the port on.
    enable();
    for octet in parts.iter().flat_map(|part| part.bytes()) {
        while read(FLAGS) & FULL != 0 {}
        write(DATA, octet.into());
    }
    // What is still in the FIFO would be lost in a reset.
    while read(FLAGS) & BUSY != 0 {}
}

/// Says a number, between two texts.
pub fn print_number(before: &str, number: u32, after: &str) {
    let number = Decimal::new(number.into());
    print(&[before, core::str::from_utf8(number.as_bytes()).unwrap_or_default(), after]);
}

fn enable() {
    write(RCGC1, read(RCGC1) | 1);
    write(RCGC2, read(RCGC2) | 1);
    // The clocks reach the port a few cycles later.
    cortex_m::asm::delay(8);
    if read(CONTROL) & ENABLED != ENABLED {
        // Nothing else uses pins of this block.
        write(ALTERNATE, 0b11);
        write(DIGITAL, 0b11);
        // 12.5 MHz by 16 and by 115,200 is 6 and 50 of 64.
        write(BAUD_INTEGER, 6);
        write(BAUD_FRACTION, 50);
        // 8 bits, with FIFOs.
        write(LINE, 0b11 << 5 | 1 << 4);
        write(CONTROL, ENABLED);
    }
}
