//! RFC 9110 as pure functions: facts in, decision out. No I/O, no clock.

pub mod conditional;
pub mod host;
pub mod methods;
pub mod mime;
pub mod negotiate;
pub mod origin;
pub mod path;
pub mod query;
pub mod range;
