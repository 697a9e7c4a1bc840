//! What the tests of every frontend share.

pub mod app;
pub mod board;
pub mod cases;
pub mod command;
pub mod fixture;
pub mod heads;
pub mod memory;
pub mod wire;
