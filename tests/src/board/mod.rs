//! Servers as on a microcontroller: over smoltcp in simulated time, and an image on QEMU.

pub mod loopback;
pub mod qemu;
