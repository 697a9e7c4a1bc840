//! How long a call on a socket may wait, whatever is left of a deadline.

use std::time::Duration;

/// The longest wait in one call, but for an idle client.
///
/// The kernel takes more octets again only once a third of its own buffer is free, which a slow client
/// may need minutes for; a call that begins then finds any room there is. And what a call took longer
/// than its time-out, this process or this machine stood still, which is not the client's fault.
pub const SLICE: Duration = Duration::from_secs(5);

/// How late a time-out may be.
pub const LATE: Duration = Duration::from_millis(500);
