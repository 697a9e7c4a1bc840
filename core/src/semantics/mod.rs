//! RFC 9110 as pure functions: facts in, decision out. No I/O, no clock.

pub mod mime;
pub mod negotiate;
pub mod path;
