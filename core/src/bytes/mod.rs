//! Octets: character classes, text and numbers in ASCII, and the buffers that octets stand in.

pub mod ascii;
pub mod class;
pub mod cursor;
pub mod span;
pub mod take;
pub mod window;
