//! What the tests of every frontend share.

pub mod app;
pub mod cases;
pub mod client;
pub mod command;
pub mod converse;
pub mod dates;
pub mod escapes;
pub mod fixture;
pub mod folder;
pub mod heads;
pub mod links;
pub mod loopback;
pub mod memory;
pub mod multipart;
pub mod qemu;
pub mod replay;
mod reply;
pub mod report;
mod rows;
mod setting;
pub mod storage;
pub mod transcript;
