//! How many workers there are, how many of them wait, and when one goes.

use std::time::Duration;

/// How long the least number that waits is looked for.
const SECOND: Duration = Duration::from_secs(1);

/// The workers of a pool, counted.
///
/// There is one more than may serve: even when all places are taken, one still accepts, and knows
/// of a client that waits.
///
/// One that had nothing to do for a second goes, as long as another waits. But the kernel gives
/// connections to those that wait in turn, so of a thousand not one may be idle for that long under
/// a light load. There the least number that waited at once during a second tells: without all of
/// those but one, nothing would have been slower.
#[derive(Debug)]
pub(crate) struct Workers {
    most: usize,
    live: usize,
    waiting: usize,
    /// The least that waited since `since`.
    least: usize,
    since: Duration,
    /// How many are still to go.
    surplus: usize,
}

/// Who serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// The one that accepted it.
    Serve,
    /// A new one.
    Start,
    /// Whoever is done first: all places are taken.
    Wait,
}

impl Workers {
    /// Nobody yet, and never more than `most` that serve.
    pub(crate) const fn new(most: usize, now: Duration) -> Self {
        Self { most, live: 0, waiting: 0, least: 0, since: now, surplus: 0 }
    }

    /// The first one joins, and waits.
    pub(crate) const fn join(&mut self) {
        self.live = self.live.saturating_add(1);
        self.waiting = self.waiting.saturating_add(1);
    }

    /// One that waited has a connection. When another waits as well, it serves it. Otherwise it goes
    /// on waiting, and one more joins for this connection; or, when there are as many as there may
    /// be, the first that is done lets it serve.
    #[must_use]
    pub(crate) const fn take(&mut self) -> Take {
        if self.take_turns() {
            return Take::Serve;
        }
        if self.live > self.most {
            return Take::Wait;
        }
        self.live = self.live.saturating_add(1);
        Take::Start
    }

    /// If another one waits as well, one of both serves a connection. Says whether that is so.
    #[must_use]
    pub(crate) const fn take_turns(&mut self) -> bool {
        let another = self.has_another();
        if another {
            self.wait_less();
        }
        another
    }

    /// Whether another one waits as well.
    pub(crate) const fn has_another(&self) -> bool {
        self.waiting > 1
    }

    /// The only one there is serves a connection.
    #[must_use]
    pub(crate) const fn take_alone(&mut self) -> bool {
        let alone = self.live <= 1;
        if alone {
            self.wait_less();
        }
        alone
    }

    /// The one that should have started could not.
    pub(crate) const fn fail_to_start(&mut self) {
        self.live = self.live.saturating_sub(1);
    }

    /// One has finished with its connection, and waits.
    pub(crate) const fn finish(&mut self) {
        self.waiting = self.waiting.saturating_add(1);
    }

    /// One had nothing to do for a second. Says whether it has left.
    #[must_use]
    pub(crate) const fn retire_idle(&mut self) -> bool {
        let goes = self.waiting > 1;
        if goes {
            self.leave();
        }
        goes
    }

    /// One has finished with a connection, and asks whether it is one too many. If so, it has left.
    #[must_use]
    pub(crate) fn retire_surplus(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= SECOND {
            self.surplus = self.least.saturating_sub(1);
            self.least = self.waiting;
            self.since = now;
        }
        let goes = self.surplus > 0 && self.waiting > 1;
        if goes {
            self.surplus = self.surplus.saturating_sub(1);
            self.leave();
        }
        goes
    }

    /// One that waited leaves.
    pub(crate) const fn leave(&mut self) {
        self.wait_less();
        self.live = self.live.saturating_sub(1);
    }

    const fn wait_less(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting < self.least {
            self.least = self.waiting;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// `live` workers, all but one with a connection.
    fn workers(most: usize, live: usize) -> Workers {
        let mut workers = Workers::new(most, at(0));
        workers.join();
        for _ in 1..live {
            assert_eq!(workers.take(), Take::Start);
        }
        workers
    }

    #[test]
    fn it_grows_to_its_limit_and_one_that_accepts() {
        let mut workers = workers(3, 4);
        assert_eq!((workers.live, workers.waiting), (4, 1));
        assert_eq!(workers.take(), Take::Wait);
        workers.finish();
        assert_eq!(workers.take(), Take::Serve);
        assert_eq!((workers.live, workers.waiting), (4, 1));
    }

    #[test]
    fn without_a_thread_it_stays_as_it_is() {
        let mut workers = workers(3, 1);
        assert_eq!(workers.take(), Take::Start);
        workers.fail_to_start();
        assert_eq!((workers.live, workers.waiting), (1, 1));
        assert!(!workers.take_turns() && workers.take_alone());
        workers.finish();
        assert_eq!((workers.live, workers.waiting), (1, 1));
    }

    #[test]
    fn after_a_crowd_all_but_one_go() {
        let mut workers = workers(1000, 1000);
        for _ in 0..999 {
            workers.finish();
        }
        assert_eq!((0..1000).filter(|_| workers.retire_idle()).count(), 999);
        assert_eq!((workers.live, workers.waiting), (1, 1));
    }

    #[test]
    fn a_light_load_keeps_few() {
        let mut workers = workers(1000, 100);
        for _ in 0..99 {
            workers.finish();
        }
        let mut gone = 0;
        for now in (0..3000).step_by(10) {
            // Two connections at a time, given to any of them.
            assert_eq!([workers.take(), workers.take()], [Take::Serve; 2]);
            workers.finish();
            gone += usize::from(workers.retire_surplus(at(now)));
            workers.finish();
            gone += usize::from(workers.retire_surplus(at(now)));
        }
        assert_eq!((gone, workers.live), (97, 3));
    }

    #[test]
    fn a_steady_load_sends_nobody_away() {
        let mut workers = workers(1000, 33);
        for _ in 0..32 {
            workers.finish();
        }
        for now in (0..5000).step_by(20) {
            for _ in 0..32 {
                assert_eq!(workers.take(), Take::Serve);
            }
            for _ in 0..31 {
                workers.finish();
                assert!(!workers.retire_surplus(at(now)));
            }
            workers.finish();
        }
        assert_eq!(workers.live, 33);
    }
}
