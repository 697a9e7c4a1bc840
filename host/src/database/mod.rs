//! Submitted forms in a database: a form is acknowledged once it is committed.
//!
//! Forms that arrive while one transaction is being committed wait in a bounded queue, and are
//! committed together in the next one: a slow disk makes the groups larger, not the server slower.

#[cfg(feature = "postgres")]
pub mod postgres;
pub mod queue;
pub mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use queue::{Committer, Store};
pub use row::Row;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
