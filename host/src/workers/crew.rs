//! Which worker is started when: the decisions alone, without processes and without a clock.

use std::time::Duration;

/// How long a worker has to live for its death to be no reason to wait.
const STEADY: Duration = Duration::from_secs(5);

/// The pause after a worker's second early death; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The slots for workers. The first one to start has to succeed before others are started; after that,
/// each slot is filled again when its worker dies.
///
/// A reload is a new generation: slots whose worker is of an older one get another, one after the other.
/// The old worker leaves once the new one is ready.
#[derive(Debug)]
pub(super) struct Crew {
    slots: Vec<Slot>,
    generation: u64,
    /// Whether any worker has ever been ready.
    begun: bool,
}

/// Times are those of a monotonic clock; generations count reloads, from 1.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// The generation of the worker that serves.
    serving: Option<u64>,
    /// That of the one that is about to.
    starting: Option<u64>,
    /// Early deaths in a row.
    failures: u32,
    /// When another may be started.
    not_before: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start a worker for this slot.
    Start(usize),
    /// Wait for an event, or for this long.
    Wait(Option<Duration>),
}

/// What the death of a worker means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// No worker has ever been ready: there is no use in trying again.
    GiveUp,
    /// Another one is started after this pause.
    Replace(Duration),
    /// It was to replace one that goes on serving, and so do all others that were to be replaced.
    KeepOld,
}

impl Crew {
    pub(super) fn new(count: usize) -> Self {
        let slots = vec![Slot::default(); count.max(1)];
        Self { slots, generation: 1, begun: false }
    }

    /// Says what to do at `now`. A worker that is to be started counts as starting from here on.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        let count = if self.begun { self.slots.len() } else { 1 };
        let Self { slots, generation, .. } = self;
        let is_replacing = slots.iter().any(|slot| slot.starting.is_some());
        let mut wait: Option<Duration> = None;
        for (number, slot) in slots.iter_mut().take(count).enumerate() {
            let is_wanted = match (slot.serving, slot.starting) {
                (None, None) => {
                    let left = slot.not_before.saturating_sub(now);
                    wait = Some(wait.map_or(left, |wait| wait.min(left)));
                    left.is_zero()
                }
                (Some(serving), None) => serving < *generation && !is_replacing,
                (_, Some(_)) => false,
            };
            if is_wanted {
                slot.starting = Some(*generation);
                return Next::Start(number);
            }
        }
        Next::Wait(wait)
    }

    /// The worker that was started for this slot serves now, and the one that did before has to leave.
    pub(super) fn ready(&mut self, number: usize) {
        self.begun = true;
        if let Some(slot) = self.slots.get_mut(number) {
            slot.serving = slot.starting.take().or(slot.serving);
        }
    }

    /// Whether any worker has ever been ready.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// All workers are to be replaced.
    pub(super) const fn reload(&mut self) {
        self.generation = self.generation.saturating_add(1);
    }

    /// The worker of this slot is to be replaced.
    pub(super) fn renew(&mut self, number: usize) {
        if let Some(serving) = self.slots.get_mut(number).and_then(|slot| slot.serving.as_mut()) {
            *serving = 0;
        }
    }

    /// Whether every slot has a worker of the latest generation.
    pub(super) fn is_complete(&self) -> bool {
        self.slots.iter().all(|slot| slot.serving == Some(self.generation))
    }

    /// The worker that was starting in this slot can't be started, or has ended.
    pub(super) fn failed_to_start(&mut self, number: usize, now: Duration) -> Death {
        if !self.begun {
            return Death::GiveUp;
        }
        let generation = self.generation;
        let Some(slot) = self.slots.get_mut(number) else { return Death::KeepOld };
        slot.starting = None;
        if slot.serving.is_none() {
            return slot.rest(now);
        }
        for serving in self.slots.iter_mut().filter_map(|slot| slot.serving.as_mut()) {
            *serving = generation;
        }
        Death::KeepOld
    }

    /// The worker that served in this slot has ended after it `lived` for so long.
    pub(super) fn died(&mut self, number: usize, lived: Duration, now: Duration) -> Death {
        let Some(slot) = self.slots.get_mut(number) else { return Death::KeepOld };
        slot.serving = None;
        if lived >= STEADY {
            slot.failures = 0;
            slot.not_before = now;
            return Death::Replace(Duration::ZERO);
        }
        slot.rest(now)
    }
}

impl Slot {
    /// Lets no worker start for a while, which grows with each early death.
    fn rest(&mut self, now: Duration) -> Death {
        let doubled = 1_u32.checked_shl(self.failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let pause = if self.failures == 0 { Duration::ZERO } else { FIRST_PAUSE };
        let pause = pause.saturating_mul(doubled).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(pause);
        Death::Replace(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// `count` workers that are ready.
    fn crew(count: usize) -> Crew {
        let mut crew = Crew::new(count);
        for number in 0..count {
            assert_eq!(crew.next(at(0)), Next::Start(number));
            crew.ready(number);
        }
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        assert!(crew.is_complete());
        crew
    }

    #[test]
    fn the_first_one_shows_whether_it_works() {
        let mut crew = Crew::new(3);
        assert_eq!(crew.next(at(0)), Next::Start(0));
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        assert_eq!(crew.failed_to_start(0, at(1)), Death::GiveUp);

        let mut crew = Crew::new(3);
        assert_eq!(crew.next(at(0)), Next::Start(0));
        crew.ready(0);
        assert_eq!(crew.next(at(0)), Next::Start(1));
        assert_eq!(crew.next(at(0)), Next::Start(2));
        assert_eq!(crew.next(at(0)), Next::Wait(None));
    }

    #[test]
    fn who_dies_early_is_replaced_after_a_pause_that_grows() {
        let mut crew = crew(2);
        let mut now = at(1000);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let Death::Replace(pause) = crew.died(1, at(10), now) else { panic!("not replaced") };
            pauses.push(u64::try_from(pause.as_millis()).unwrap());
            if !pause.is_zero() {
                assert_eq!(crew.next(now), Next::Wait(Some(pause)));
            }
            now += pause;
            assert_eq!(crew.next(now), Next::Start(1));
            crew.ready(1);
        }
        let doubled = [0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000];
        assert_eq!(pauses, doubled);
        // One that has lived for a while owes nothing to those before.
        assert_eq!(crew.died(1, at(5000), now), Death::Replace(at(0)));
        assert_eq!(crew.next(now), Next::Start(1));
        assert_eq!(crew.failed_to_start(1, now), Death::Replace(at(0)));
        assert_eq!(crew.next(now), Next::Start(1));
        assert_eq!(crew.failed_to_start(1, now), Death::Replace(at(100)));
    }

    #[test]
    fn a_reload_replaces_one_after_the_other() {
        let mut crew = crew(3);
        crew.reload();
        for number in 0..3 {
            assert_eq!(crew.next(at(0)), Next::Start(number));
            assert_eq!(crew.next(at(0)), Next::Wait(None));
            assert!(!crew.is_complete());
            crew.ready(number);
        }
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        assert!(crew.is_complete());
    }

    #[test]
    fn reloads_that_come_together_replace_all_once_more() {
        let mut crew = crew(2);
        crew.reload();
        assert_eq!(crew.next(at(0)), Next::Start(0));
        crew.reload();
        crew.reload();
        crew.ready(0);
        // It was started before the last reload was asked for.
        for number in [0, 1] {
            assert_eq!(crew.next(at(0)), Next::Start(number));
            crew.ready(number);
        }
        assert_eq!(crew.next(at(0)), Next::Wait(None));
    }

    #[test]
    fn one_alone_can_be_replaced() {
        let mut crew = crew(3);
        crew.renew(1);
        assert_eq!(crew.next(at(0)), Next::Start(1));
        crew.ready(1);
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        assert!(crew.is_complete());
    }

    #[test]
    fn a_reload_that_fails_leaves_the_old_ones() {
        let mut crew = crew(2);
        crew.reload();
        assert_eq!(crew.next(at(0)), Next::Start(0));
        assert_eq!(crew.failed_to_start(0, at(0)), Death::KeepOld);
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        assert!(crew.is_complete());
    }

    #[test]
    fn who_dies_during_a_reload_is_replaced_by_the_one_that_starts() {
        let mut crew = crew(2);
        crew.reload();
        assert_eq!(crew.next(at(0)), Next::Start(0));
        assert_eq!(crew.died(0, at(9000), at(0)), Death::Replace(at(0)));
        assert_eq!(crew.next(at(0)), Next::Wait(None));
        crew.ready(0);
        assert_eq!(crew.next(at(0)), Next::Start(1));
        // The slot is empty now, and is filled again after a pause.
        assert_eq!(crew.died(1, at(9000), at(0)), Death::Replace(at(0)));
        assert_eq!(crew.failed_to_start(1, at(0)), Death::Replace(at(0)));
        assert_eq!(crew.next(at(0)), Next::Start(1));
    }
}
