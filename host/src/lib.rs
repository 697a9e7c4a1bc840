//! What Thimble's frontends share on systems with files and sockets. Nothing here decides anything about
//! HTTP: that is [`thimble_core`].
//!
//! | module | what it is |
//! |---|---|
//! | [`folder`] | [`Folder`]: a storage that no path leads out of |
//! | [`log`] | [`Log`]: access lines and heads, written without holding up anybody |
//! | [`clock`] | [`SystemClock`], and the time that deadlines count |
//! | [`deadline`] | how long a call may wait, and how late it may return |
//! | [`submissions`] | [`Kept`]: submitted forms in memory |
//! | `database` | with the feature `sqlite` or `postgres`: submitted forms in a database |
//! | [`settings`] | how connections are served, and the methods that say so on each server |
//! | [`listen`] | listeners, and what their connections inherit |
//! | [`send`] | writes and files, for every kind of socket |
//! | [`buffers`] | the buffers of a connection while it is served |
//! | [`place`] | which connection gives way to a client that waits |
//! | [`contain`] | panics of a service, answered by 500 |
//! | [`park`] | [`block_on`]: a future on the thread that asks for it |
//! | [`stop`] | what a signal stops |
#![cfg_attr(
    feature = "command",
    doc = "| [`signals`] | with the feature `command`: what ends a command, and how |
| [`command`] | with the feature `command`: flags, messages, and what they do |"
)]

pub mod buffers;
pub mod clock;
#[cfg(feature = "command")]
pub mod command;
pub mod contain;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod database;
pub mod deadline;
pub mod folder;
pub mod listen;
pub mod log;
pub mod park;
pub mod place;
pub mod send;
pub mod settings;
#[cfg(feature = "command")]
pub mod signals;
pub mod stop;
pub mod submissions;

pub use clock::SystemClock;
pub use folder::Folder;
pub use log::Log;
pub use park::block_on;
pub use submissions::Kept;
/// All of what is below this crate.
pub use thimble_core;

/// The example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
