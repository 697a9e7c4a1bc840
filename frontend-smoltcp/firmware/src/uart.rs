//! Text output on the first serial port (UART0: 115,200 baud, 8 data bits, no parity, 1 stop bit).
//! QEMU shows it with `-serial stdio`. Output is not held up if nothing is connected.

use thimble_core::bytes::ascii::Decimal;

use crate::board::{RCGC1, RCGC2, read, write};

const UART0: usize = 0x4000_c000;
const DATA: usize = UART0;
const FLAGS: usize = UART0 + 0x18;
const BAUD_INTEGER: usize = UART0 + 0x24;
const BAUD_FRACTION: usize = UART0 + 0x28;
const LINE: usize = UART0 + 0x2c;
const CONTROL: usize = UART0 + 0x30;
/// Flags: the port is transmitting; the transmit FIFO is full.
const BUSY: u32 = 1 << 3;
const FULL: u32 = 1 << 5;
/// Control: the port and its transmitter are enabled.
const ENABLED: u32 = 1 << 8 | 1;

/// Registers for the port's pins, which are general-purpose pins after a reset.
const GPIO_A: usize = 0x4000_4000;
const ALTERNATE: usize = GPIO_A + 0x420;
const DIGITAL: usize = GPIO_A + 0x51c;

/// Prints `parts` one after another. `core::fmt` would take some kilobytes of flash.
pub fn print(parts: &[&str]) {
    // Enabled here, since a panic may be the first output.
    enable();
    for octet in parts.iter().flat_map(|part| part.bytes()) {
        while read(FLAGS) & FULL != 0 {}
        write(DATA, octet.into());
    }
    // A reset would lose what is still in the FIFO.
    while read(FLAGS) & BUSY != 0 {}
}

/// Prints `before`, the decimal digits of `number`, and `after`.
pub fn print_number(before: &str, number: u32, after: &str) {
    let number = Decimal::new(number.into());
    print(&[before, core::str::from_utf8(number.as_bytes()).unwrap_or_default(), after]);
}

fn enable() {
    write(RCGC1, read(RCGC1) | 1);
    write(RCGC2, read(RCGC2) | 1);
    // The port can be accessed a few cycles after its clock is enabled.
    cortex_m::asm::delay(8);
    if read(CONTROL) & ENABLED != ENABLED {
        // No other code uses pins of port A.
        write(ALTERNATE, 0b11);
        write(DIGITAL, 0b11);
        // 12.5 MHz / (16 * 115,200) = 6 + 50/64.
        write(BAUD_INTEGER, 6);
        write(BAUD_FRACTION, 50);
        // 8 data bits, FIFOs enabled.
        write(LINE, 0b11 << 5 | 1 << 4);
        write(CONTROL, ENABLED);
    }
}
