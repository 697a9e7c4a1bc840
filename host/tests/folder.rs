//! A folder, opened by openat2.
#![cfg(target_os = "linux")]

mod beneath;

use std::io;
use std::thread;

#[test]
fn each_kind() -> io::Result<()> {
    // Permissions are taken from a thread that ends.
    thread::spawn(beneath::each_kind)
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn each_race() -> io::Result<()> {
    beneath::each_race()
}

#[test]
fn each_door() -> io::Result<()> {
    beneath::each_door()
}

#[test]
fn each_moment() -> io::Result<()> {
    beneath::each_moment()
}

#[test]
fn no_fifo_is_opened() -> io::Result<()> {
    beneath::no_fifo_is_opened()
}
