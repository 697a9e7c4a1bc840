//! What the tests of every frontend share.

pub mod board;
pub mod cases;
pub mod command;
pub mod heads;
pub mod memory;
pub mod until;
pub mod wire;
