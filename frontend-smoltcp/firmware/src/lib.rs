//! What the images have in common: the board, and the loop that serves on it.
#![no_std]

pub mod board;
pub mod clock;
pub mod ethernet;
pub mod fault;
pub mod flash;
pub mod serve;
pub mod stack;

pub use serve::serve;
