//! Deadlines of many connections, to the nearest sixteenth of a second.

use std::mem;
use std::time::Duration;

/// Ticks in a second.
const RATE: u32 = 16;

/// Ticks that the wheel holds: about a minute. A deadline beyond that is looked at once it is reached.
const TICKS: u32 = 1024;

/// No deadline.
pub(super) const NEVER: u32 = u32::MAX;

/// The keys of connections, by the tick at which each wants to be looked at.
#[derive(Debug)]
pub(super) struct Wheel {
    /// What stands at a tick is at that number, modulo the length.
    keys: Vec<Vec<usize>>,
    /// The next tick that has not passed.
    next: u32,
    /// No tick before this one holds anything.
    earliest: u32,
}

/// The first tick that has not passed at this moment.
pub(super) fn tick(moment: Duration) -> u32 {
    let ticks = moment.as_millis().saturating_mul(u128::from(RATE)) / 1000;
    u32::try_from(ticks).unwrap_or(NEVER).saturating_add(1)
}

/// The moment at which a tick has passed.
fn moment(tick: u32) -> Duration {
    Duration::from_millis((u64::from(tick) * 1000).div_ceil(u64::from(RATE)))
}

/// Where on the wheel a tick is.
const fn place(tick: u32) -> usize {
    (tick % TICKS) as usize
}

impl Wheel {
    pub(super) fn new(now: Duration) -> Self {
        Self { keys: vec![Vec::new(); TICKS as usize], next: tick(now), earliest: NEVER }
    }

    /// Adds `key` at `due`, or earlier if that is far away, and returns when that is.
    pub(super) fn add(&mut self, key: usize, due: u32) -> u32 {
        let last = self.next.saturating_add(TICKS - 1);
        let due = due.clamp(self.next, last);
        if let Some(keys) = self.keys.get_mut(place(due)) {
            keys.push(key);
        }
        self.earliest = self.earliest.min(due);
        due
    }

    /// How long until something is due.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        (self.earliest != NEVER).then(|| moment(self.earliest).saturating_sub(now))
    }

    /// Moves on to `now`, and takes what is due: a tick and its keys, one at a time.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(u32, Vec<usize>)> {
        // The first tick that has not passed yet.
        let end = tick(now);
        if self.earliest >= end {
            self.next = self.next.max(end);
            return None;
        }
        let due = self.earliest;
        let keys = self.keys.get_mut(place(due)).map(mem::take).unwrap_or_default();
        self.next = due.saturating_add(1);
        let horizon = self.next.saturating_add(TICKS - 1);
        self.earliest = (self.next..horizon)
            .find(|tick| self.keys.get(place(*tick)).is_some_and(|keys| !keys.is_empty()))
            .unwrap_or(NEVER);
        Some((due, keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_is_due_comes_in_order_and_not_before() {
        let mut wheel = Wheel::new(at(1000));
        assert_eq!((wheel.left(at(1000)), wheel.take_due(at(1000))), (None, None));
        let late = wheel.add(3, tick(at(9000)));
        let soon = wheel.add(1, tick(at(1500)));
        wheel.add(2, tick(at(1500)));
        assert!((500..=563).contains(&wheel.left(at(1000)).unwrap().as_millis()));
        assert_eq!(wheel.take_due(at(1499)), None);
        assert_eq!(wheel.take_due(at(1563)), Some((soon, vec![1, 2])));
        assert_eq!(wheel.take_due(at(1563)), None);
        assert_eq!(wheel.take_due(at(99_000)), Some((late, vec![3])));
        assert_eq!((wheel.left(at(99_000)), wheel.take_due(at(99_000))), (None, None));
    }

    #[test]
    fn what_is_far_away_is_looked_at_earlier() {
        let mut wheel = Wheel::new(at(0));
        let due = wheel.add(1, tick(at(600_000)));
        assert!(due < tick(at(65_000)));
        assert_eq!(wheel.take_due(at(70_000)), Some((due, vec![1])));
        // What has passed already is due at once.
        let due = wheel.add(1, tick(at(0)));
        assert_eq!(wheel.take_due(at(70_100)), Some((due, vec![1])));
    }
}
