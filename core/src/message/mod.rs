//! Messages: what a request head says, borrowed from the octets it arrived in.

pub mod entry;
pub mod error;
pub mod facts;
pub mod fields;
pub mod head;
pub mod line;
pub mod method;
pub mod reader;
mod refusal;
pub mod status;
pub mod target;
pub mod version;
pub(crate) mod word;

pub use entry::FieldEntry;
pub use error::ParseError;
pub use fields::{Field, Fields};
pub use head::Head;
pub use method::Method;
pub use reader::HeadReader;
pub use refusal::{Reason, Refusal};
pub use status::Status;
pub use target::Target;
pub use version::Version;
