//! The parts that all images share: drivers for the board, and the main loop.
#![no_std]

pub mod board;
pub mod clock;
pub mod ethernet;
pub mod fault;
mod seed;
pub mod serve;
pub mod stack;
pub mod uart;

pub use serve::serve;

use core::ffi::CStr;

use cortex_m_semihosting::syscall;

/// Reads the command line that QEMU was given for the image into `buffer`. Returns `None` if it does
/// not fit. QEMU has to be started with semihosting: without it the call is a HardFault.
pub fn command_line(buffer: &mut [u8]) -> Option<&CStr> {
    // SAFETY: the host writes within `buffer`, whose address and length it is given.
    let outcome = unsafe { syscall!(GET_CMDLINE, buffer.as_mut_ptr(), buffer.len()) };
    if outcome == 0 { CStr::from_bytes_until_nul(buffer).ok() } else { None }
}
