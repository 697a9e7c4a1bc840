//! What Thimble's frontends share on systems with files and sockets.

#[cfg(feature = "sqlite")]
pub mod database;
