//! RFC 9112 without I/O: where messages begin and end, as a machine that octets go through.

pub mod connection;
pub mod decode;
pub mod encode;
pub mod length;
pub mod limits;
pub mod persistence;

pub use connection::{Connection, Event, Received};
pub use encode::{EmitError, Length};
pub use limits::Limits;
