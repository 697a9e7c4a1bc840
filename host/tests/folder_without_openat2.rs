//! A folder, on a system without openat2: the same table.
//!
//! This is a program of its own, since a process asks for openat2 only until it is told once that
//! there is none.
#![cfg(target_os = "linux")]

mod beneath;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// The number of the system call, the same on all but one architecture.
const OPENAT2: i64 = 437;

/// Takes openat2 away from this thread.
fn forget_openat2() -> Result<(), Box<dyn Error>> {
    let missing = SeccompAction::Errno(Errno::NOSYS.raw_os_error().cast_unsigned());
    let rules = BTreeMap::from([(OPENAT2, Vec::new())]);
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, missing, architecture)?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    let outcome = openat2(CWD, ".", OFlags::PATH, Mode::empty(), ResolveFlags::empty());
    assert_eq!(outcome.err(), Some(Errno::NOSYS));
    Ok(())
}

fn without_openat2(check: fn() -> io::Result<()>) -> io::Result<()> {
    let outcome = thread::spawn(move || {
        forget_openat2().map_err(|error| io::Error::other(error.to_string()))?;
        check()
    });
    outcome.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[test]
fn each_kind() -> io::Result<()> {
    without_openat2(beneath::each_kind)
}

#[test]
fn each_race() -> io::Result<()> {
    without_openat2(beneath::each_race)
}

#[test]
fn each_door() -> io::Result<()> {
    without_openat2(beneath::each_door)
}

#[test]
fn each_moment() -> io::Result<()> {
    without_openat2(beneath::each_moment)
}

#[test]
fn no_fifo_is_opened() -> io::Result<()> {
    without_openat2(beneath::no_fifo_is_opened)
}
