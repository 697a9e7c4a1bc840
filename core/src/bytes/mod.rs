//! Octets: character classes, the search for the end of a line, the buffers they stand in.

pub mod ascii;
pub mod class;
#[cfg(target_pointer_width = "64")]
pub mod controls;
pub mod cursor;
#[cfg(target_pointer_width = "64")]
pub mod probe;
pub mod scan;
pub mod span;
pub mod take;
pub mod window;
