//! The time of day.

use crate::grammar::date::UnixTime;

/// The time of day.
pub trait Clock {
    /// The time now; `None` if it is unknown. Replies then have no Date (RFC 9110 §6.6.1).
    fn now(&self) -> Option<UnixTime>;
}

/// A clock that doesn't know the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Option<UnixTime> {
        None
    }
}
