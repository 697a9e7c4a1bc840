//! Waiting for what comes soon.

#![expect(clippy::missing_panics_doc, reason = "only tests call this, and it is how they fail")]

use std::thread;
use std::time::{Duration, Instant};

/// Asks again and again until there is an answer. Fails, and says `what` did not come, when there is
/// none within `limit`.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "{what}: not after {limit:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
