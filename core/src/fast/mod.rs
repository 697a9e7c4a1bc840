//! Ordinary lines, those that nearly every client writes, recognised many octets at a time.
//!
//! 64-bit processors alone do this; elsewhere it would weigh more than it saves, and `absent.rs` stands
//! in, which never recognises a line. So the layers above are the same code on every target, and
//! everything that is not recognised here, right or wrong, is left to the strict grammar: that alone
//! decides what is accepted.

#[cfg(not(target_pointer_width = "64"))]
mod absent;
#[cfg(target_pointer_width = "64")]
mod controls;
#[cfg(target_pointer_width = "64")]
mod ordinary;
#[cfg(target_pointer_width = "64")]
mod probe;
#[cfg(target_pointer_width = "64")]
mod table;

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use absent::{
    Lengths, Ordinary, Room, Table, are_clear, before_control, first, first_crlf,
};
#[cfg(target_pointer_width = "64")]
pub(crate) use controls::before_control;
#[cfg(target_pointer_width = "64")]
pub(crate) use ordinary::Ordinary;
#[cfg(target_pointer_width = "64")]
pub(crate) use probe::{are_clear, first, first_crlf};
#[cfg(target_pointer_width = "64")]
pub(crate) use table::{Lengths, Room, Table};
