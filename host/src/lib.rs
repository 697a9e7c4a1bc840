//! What Thimble's frontends share on systems with files and sockets. Everything about HTTP is decided in
//! [`thimble_core`].
//!
//! An application takes [`Folder`], [`Log`] and [`MemoryStore`] from the frontend that it uses. Use this
//! package to write a frontend: start at [`settings`], then [`listen`] and [`buffers`].
//!
//! | module | what it is |
//! |---|---|
//! | [`folder`] | [`Folder`]: a storage that serves nothing from outside its root |
//! | [`log`] | [`Log`]: access lines and heads, written by a thread of its own |
//! | [`clock`] | [`SystemClock`], the time of day, and the monotonic time for deadlines |
//! | [`deadline`] | the longest wait of one call on a socket |
//! | [`submissions`] | [`MemoryStore`]: submitted forms in memory |
//! | [`uploads`] | [`UploadFolder`]: files that come with forms, in a folder |
//! | `database` | with the feature `sqlite` or `postgres`: submitted forms in a database |
//! | [`cgi`] | [`Cgi`](cgi::Cgi): programs that make replies |
//! | [`settings`] | how connections are served, and the builder methods of a server |
//! | [`listen`] | listeners, and the socket options of their connections |
//! | [`send`] | writing to a socket, and sending a file |
//! | [`buffers`] | the receive and transmit buffers of a connection |
//! | [`nonblocking`] | connections on sockets that don't block |
//! | [`place`] | which connection is closed when a client waits and no place is free |
//! | [`contain`] | panics of a service, answered by 500 |
//! | [`park`] | [`block_on`]: runs a future on the calling thread |
//! | [`stop`] | the trait of a server that a signal can stop |
//! | `tls` | with the feature `tls`: certificates, and the session of a connection |
//! | `passwords` | with the feature `auth`: who may come in, by names and hashes of passwords |
//! | `live` | with the feature `live`: what changes below a folder, so that pages load again |
#![cfg_attr(
    feature = "workers",
    doc = "| [`workers`] | with the feature `workers`: processes that share listeners, and their supervisor |
| [`signals`] | with the feature `workers`: how signals end a server |"
)]
#![cfg_attr(
    feature = "command",
    doc = "| [`systemd`] | with the feature `command`: sockets that systemd hands over, and what it is told |
| [`command`] | with the feature `command`: the flags and messages of the commands |"
)]

pub mod buffers;
pub mod cgi;
pub mod clock;
#[cfg(feature = "command")]
pub mod command;
pub mod contain;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod database;
pub mod deadline;
pub mod folder;
pub mod listen;
#[cfg(feature = "live")]
pub mod live;
pub mod log;
pub mod nonblocking;
pub mod park;
#[cfg(feature = "auth")]
pub mod passwords;
pub mod pending;
pub mod place;
pub mod send;
pub mod settings;
#[cfg(feature = "workers")]
pub mod signals;
pub mod stop;
pub mod submissions;
#[cfg(feature = "command")]
pub mod systemd;
#[cfg(feature = "tls")]
pub mod tls;
pub mod uploads;
#[cfg(feature = "workers")]
pub mod workers;

pub use clock::SystemClock;
pub use folder::Folder;
pub use log::Log;
pub use park::block_on;
pub use submissions::MemoryStore;
/// The core, whose items this package uses.
pub use thimble_core;
pub use uploads::UploadFolder;

/// The example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
