//! RFC 9112 without I/O: where messages begin and end. Received octets go in, events come out.

pub mod connection;
pub mod decode;
pub mod length;
pub mod limits;
pub mod persistence;
pub mod receiver;
pub mod sender;

pub use connection::{Connection, Event, Received};
pub use limits::Limits;
pub use receiver::{HeadSpan, Receiver};
pub use sender::{Date, EmitError, Length, Sender};
