//! The longest wait of one call on a socket; a deadline may take several.

use std::time::Duration;

/// The longest wait in one call, except for an idle client.
///
/// A waiting write continues only once a third of the kernel's buffer is free, which a slow client may take
/// minutes for; a new call uses any room there is. A call that takes longer than its time-out shows that
/// this process or machine stood still, and that time isn't counted against the client.
pub const SLICE: Duration = Duration::from_secs(5);

/// How much longer than its time-out a call may take.
pub const LATE: Duration = Duration::from_millis(500);
