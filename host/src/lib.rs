//! What Thimble's frontends share on systems with files and sockets.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod database;
