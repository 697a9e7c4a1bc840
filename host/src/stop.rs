//! How the servers of all frontends are stopped.

use std::fmt::Debug;

/// A server that can be stopped from any thread.
pub trait Stopping: Debug + Send + 'static {
    /// Takes no more connections, closes idle ones, and lets requests under way finish.
    fn stop(&self);
    /// Takes no more connections, and leaves the listener as it is, for other processes that have it, too.
    /// The next reply of each connection is its last; idle ones are closed in time. A later
    /// [`stop`](Self::stop) closes them at once, and leaves the listener alone, too.
    fn retire(&self);
    /// The number of connections with a request or reply under way.
    fn unfinished(&self) -> usize;
    /// Resets the connections that have not finished.
    fn cut(&self);
}

/// Implements [`Stopping`](crate::stop::Stopping) for a type whose own methods have the same names.
#[macro_export]
macro_rules! impl_stopping {
    ($stop:ty) => {
        impl $crate::stop::Stopping for $stop {
            fn stop(&self) {
                <$stop>::stop(self);
            }

            fn retire(&self) {
                <$stop>::retire(self);
            }

            fn unfinished(&self) -> usize {
                <$stop>::unfinished(self)
            }

            fn cut(&self) {
                <$stop>::cut(self);
            }
        }
    };
}
