//! What the tests of every frontend share.

pub mod app;
pub mod cases;
pub mod client;
pub mod command;
pub mod dates;
pub mod escapes;
pub mod fixture;
pub mod folder;
pub mod heads;
pub mod links;
pub mod memory;
pub mod multipart;
pub mod replay;
mod reply;
mod rows;
mod setting;
pub mod storage;
pub mod transcript;
