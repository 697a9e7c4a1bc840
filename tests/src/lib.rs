//! What the tests of every frontend share.

pub mod app;
pub mod cases;
pub mod client;
pub mod command;
pub mod converse;
pub mod escapes;
pub mod folder;
pub mod heads;
pub mod loopback;
pub mod memory;
pub mod qemu;
pub mod replay;
pub mod report;
pub mod transcript;
