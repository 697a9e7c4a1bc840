//! Submitted forms in a database: a form is acknowledged once it is committed.
//!
//! Forms that arrive while one transaction is being committed wait in a bounded queue, and are
//! committed together in the next one: a slow disk makes the groups larger, not the server slower.

pub mod queue;
pub mod row;
pub mod sqlite;

pub use queue::{Committer, Store};
pub use row::Row;
pub use sqlite::Sqlite;
