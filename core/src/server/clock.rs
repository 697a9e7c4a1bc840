//! The time of day, if somebody knows it.

use crate::grammar::date::UnixTime;

/// The time of day.
pub trait Clock {
    /// The time now; `None` where nobody knows it, and then replies have no Date
    /// (RFC 9110 §6.6.1).
    fn now(&self) -> Option<UnixTime>;
}

/// No clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Option<UnixTime> {
        None
    }
}
