//! Clocks: the time of day for replies and logs, and a monotonic time for deadlines.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thimble_core::framing::Date;
use thimble_core::grammar::date::{UnixTime, imf_fixdate};
use thimble_core::server::Clock;

// Whole seconds and deadlines of seconds need no more than the kernel's last tick, which is read
// in a fraction of the time.
#[cfg(target_os = "linux")]
const CLOCKS: (ClockId, ClockId) = (ClockId::RealtimeCoarse, ClockId::MonotonicCoarse);
#[cfg(not(target_os = "linux"))]
const CLOCKS: (ClockId, ClockId) = (ClockId::Realtime, ClockId::Monotonic);

/// The system's time of day, to the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// The time of day; `None` if the system's clock is set to before 1970.
    fn now(&self) -> Option<UnixTime> {
        u64::try_from(clock_gettime(CLOCKS.0).tv_sec).ok().map(UnixTime)
    }

    fn date(&self) -> Option<Date> {
        self.now().map(date)
    }
}

/// A date whose text each thread keeps for as long as the second lasts.
pub const fn date(time: UnixTime) -> Date {
    Date::new(time, kept_fixdate)
}

/// [`imf_fixdate`], or what it said for the same time before.
fn kept_fixdate(time: UnixTime) -> [u8; 29] {
    thread_local! {
        static KEPT: Cell<(UnixTime, [u8; 29])> =
            const { Cell::new((UnixTime(0), *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
    }
    let (of, text) = KEPT.get();
    if of == time {
        return text;
    }
    let text = imf_fixdate(time);
    KEPT.set((time, text));
    text
}

/// The time since a fixed moment in the past, to a few milliseconds. It never goes back.
pub fn moment() -> Duration {
    Duration::try_from(clock_gettime(CLOCKS.1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_kept_date_is_that_of_its_time() {
        for time in [0, 0, 784_111_777, 784_111_777, 784_111_778, 0].map(UnixTime) {
            assert_eq!(kept_fixdate(time), imf_fixdate(time));
        }
    }

    #[test]
    fn the_clocks_are_right_within_a_tick() {
        let Some(UnixTime(now)) = SystemClock.now() else { panic!("no time") };
        let exact = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|d| d.as_secs());
        assert!(exact.is_ok_and(|exact| exact.abs_diff(now) <= 1));

        let before = moment();
        std::thread::sleep(Duration::from_millis(50));
        let passed = moment().saturating_sub(before);
        assert!(
            passed >= Duration::from_millis(30) && passed < Duration::from_secs(5),
            "{passed:?}"
        );
    }
}
