//! Octets: character classes, the search for the end of a line, the buffers they stand in.

pub mod ascii;
pub mod class;
pub mod cursor;
pub mod scan;
pub mod window;
