//! The time of day.

use crate::framing::Date;
use crate::grammar::date::UnixTime;

/// The time of day.
pub trait Clock {
    /// The time now; `None` if it is unknown. Replies then have no Date (RFC 9110 §6.6.1).
    fn now(&self) -> Option<UnixTime>;

    /// What replies say of the time now: a clock that has room for it formats each second once.
    fn date(&self) -> Option<Date> {
        self.now().map(Date::from)
    }
}

/// A clock that doesn't know the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Option<UnixTime> {
        None
    }
}
