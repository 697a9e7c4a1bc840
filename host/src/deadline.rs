//! The longest wait of one call on a socket; a deadline may take several.

use std::time::Duration;

use thimble_core::server::{Deadlines, Phase};

use crate::listen::SEND_TIME_OUT;

/// The longest wait in one call, except for an idle client.
///
/// A call that takes longer than its time-out shows that this process or machine stood still, and that time
/// isn't counted against the client.
pub const SLICE: Duration = Duration::from_secs(5);

/// The shortest and the longest wait for a client that takes a reply.
const WRITE: (Duration, Duration) = (Duration::from_millis(20), SEND_TIME_OUT);

/// How much longer than its time-out a call may take.
pub const LATE: Duration = Duration::from_millis(500);

/// The longest wait in one call in this phase.
///
/// A waiting write continues only once a third of the kernel's buffer is free, which a slow client may take
/// minutes for; a new call uses any room there is. Some of it the kernel has made meanwhile, however little
/// the client takes: looked for late, that would give a client that reads nothing all of its time again. So
/// these waits are a small part of the time that a reply has.
pub fn slice(phase: Option<Phase>, deadlines: &Deadlines) -> Duration {
    match phase {
        Some(Phase::Reply) => (deadlines.reply / 32).clamp(WRITE.0, WRITE.1),
        _ => SLICE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_little_time_to_take_a_reply_is_looked_after_often() {
        let mut deadlines = Deadlines::DESKTOP;
        for (reply, wanted) in [(0, 20), (1000, 31), (12_000, 375), (75_000, 2343), (600_000, 2500)]
        {
            deadlines.reply = Duration::from_millis(reply);
            assert_eq!(slice(Some(Phase::Reply), &deadlines).as_millis(), wanted, "{reply}");
            assert_eq!(slice(Some(Phase::Content), &deadlines), SLICE);
        }
    }
}
