//! Connections on sockets that don't block, for whatever polls them: an asynchronous runtime, or an event
//! loop.
//!
//! A [`Reactor`] says what it has: sockets, alarms, a way to hear of the stop. [`Connection`] then serves
//! requests, one after the other, and [`Task`] does so to the end, with buffers that are borrowed only while
//! a request is under way. [`Descriptors`] are what programs need of a reactor besides.

mod connection;
mod descriptors;
mod halves;
#[cfg(feature = "tls")]
mod secured;
mod task;
mod timer;

use std::any::Any;
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
pub use descriptors::{Client, Descriptors};

#[cfg(feature = "tls")]
pub use secured::Secured;
pub use task::{Drivers, Handover, Task};

use crate::settings::Settings;

/// A socket, over which TLS is spoken if its server does, and this package can.
#[cfg(not(feature = "tls"))]
pub type Secured<S> = S;

/// The socket of a connection that was accepted, over which TLS is spoken if `settings` say so.
///
/// # Errors
/// There is no memory for it.
#[cfg(feature = "tls")]
pub fn secure<S: Socket>(socket: S, settings: &Settings) -> io::Result<Secured<S>> {
    let session = settings.tls.as_ref().map(|tls| tls.session().map(Box::new));
    Ok(Secured::new(socket, session.transpose()?))
}

/// The socket of a connection that was accepted.
///
/// # Errors
/// None.
#[cfg(not(feature = "tls"))]
pub fn secure<S: Socket>(socket: S, _: &Settings) -> io::Result<Secured<S>> {
    Ok(socket)
}

/// The socket below TLS.
pub const fn bare<S: Socket>(socket: &Secured<S>) -> &S {
    #[cfg(feature = "tls")]
    return socket.socket();
    #[cfg(not(feature = "tls"))]
    return socket;
}

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

    /// What those who wait for something else know the connection by: see
    /// [`Half::connection`](thimble_core::server::Half::connection).
    fn connection(_: &Link<Self>) -> Option<&(dyn Any + Send + Sync)>
    where
        Self: Sized,
    {
        None
    }
}

/// What a connection is waited for by.
#[derive(Debug)]
pub struct Link<R: Reactor> {
    /// Its socket.
    pub socket: R::Socket,
    /// What hears that the server stops.
    pub stop: R::Listener,
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

    /// Whether files can be sent without copying them.
    fn sends_files(&self) -> bool {
        true
    }

    /// Whether the client has not got to the point yet where it can send a request, as in a handshake of TLS.
    fn is_greeting(&self) -> bool {
        false
    }

    /// Where TLS is to be spoken: whether the client does so.
    fn is_secure(&self) -> Option<bool> {
        None
    }

    /// Whether there is something to read for which the system is not asked.
    fn has_octets(&self) -> bool {
        false
    }
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

    /// Has one of them do `work`, for whose end nobody waits.
    fn leave(work: impl FnOnce() + Send + 'static);

    /// Lets others have their turn.
    fn give_way() -> impl Future<Output = ()> + Send;
}
