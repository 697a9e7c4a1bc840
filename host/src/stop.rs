//! What the servers of all frontends do when they are stopped.

/// A server that can be stopped from any thread.
pub trait Stopping: Send + 'static {
    /// Takes no more requests, and finishes what is in flight.
    fn stop(&self);
    /// Connections on which something is in flight.
    fn unfinished(&self) -> usize;
    /// Resets them.
    fn cut(&self);
}
