//! Connections on sockets that don't block, for whatever polls them: an asynchronous runtime, or an event
//! loop.
//!
//! A [`Reactor`] says what it has: sockets, alarms, a way to hear of the stop. [`Connection`] then serves
//! requests, one after the other, and [`Task`] does so to the end, with buffers that are borrowed only while
//! a request is under way.

mod connection;
mod halves;
mod task;
mod timer;

use std::fmt::Debug;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::place::Place;

pub use connection::{After, Connection, serve_once};

pub use task::{Drivers, Handover, Task};

/// What polls connections.
pub trait Reactor: Debug + 'static {
    /// A socket that tells when it is ready.
    type Socket: Socket;
    /// How a connection hears that the server stops.
    type Listener: Listener;
    /// How a connection shares its place with whoever takes it back.
    type Place: Debug + Deref<Target = Place>;
    /// Where work goes that may have to wait for a disk.
    type Elsewhere: Elsewhere;
}

/// A connected socket that doesn't block. Each call moves at least one octet, or waits until it can.
pub trait Socket: Debug {
    /// What remembers when a task is to be woken.
    type Alarm: Debug + Default;

    /// Wakes the task after `left`, counted from `now` on, at the latest.
    fn wake_after(
        &self,
        alarm: &mut Self::Alarm,
        now: Duration,
        left: Duration,
        context: &mut Context<'_>,
    );

    /// The address that the client reached.
    fn local(&self) -> Option<SocketAddr>;

    /// Reads what is there; nothing at the end.
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes octets; `more` says that others follow at once.
    fn poll_write(
        &self,
        context: &mut Context<'_>,
        octets: &[u8],
        more: bool,
    ) -> Poll<io::Result<usize>>;

    /// Sends octets of a file; nothing when it ends at `offset`.
    fn poll_send_file(
        &self,
        context: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: u64,
    ) -> Poll<io::Result<usize>>;

    /// Waits until there is something to read, or the end.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Makes the next calls try, whatever was heard of the socket.
    fn look_again(&self);

    /// Shuts the sending side, when there is more to read; otherwise closing does it.
    fn shut_before_reading(&self);

    /// Makes closing send what is left to be sent, then the end; otherwise it is a reset.
    fn close_in_order(&self);
}

/// Hears that the server stops.
pub trait Listener: Debug {
    /// Waits for the stop.
    fn poll_stopping(&self, context: &Context<'_>) -> Poll<()>;

    /// Waits for the client of a connection on which something is under way.
    ///
    /// # Errors
    /// That is given up.
    fn go_on(&self, context: &Context<'_>) -> io::Result<()>;

    /// Whether each reply is the last of its connection, since the server stops or leaves clients to other
    /// processes.
    fn is_retired(&self) -> bool;
}

/// Threads that may wait for a disk.
pub trait Elsewhere: Send + Sync + 'static {
    /// Does `work` on one of them. When there is none, it is done here, and others wait for it.
    ///
    /// # Errors
    /// It panicked, or the server ends.
    fn run<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + Send;

    /// Lets others have their turn.
    fn give_way() -> impl Future<Output = ()> + Send;
}
