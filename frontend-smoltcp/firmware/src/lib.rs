//! What the images have in common: the board, and the loop that serves on it.
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

/// What QEMU was told for the image, in `buffer`. QEMU has to offer semihosting: without it this is a
/// fault.
pub fn command_line(buffer: &mut [u8]) -> Option<&CStr> {
    // SAFETY: the host writes no more than the length that it is told, to where it is told.
    let outcome = unsafe { syscall!(GET_CMDLINE, buffer.as_mut_ptr(), buffer.len()) };
    if outcome == 0 { CStr::from_bytes_until_nul(buffer).ok() } else { None }
}
