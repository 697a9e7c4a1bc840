//! Deadlines on sockets that block.

use std::io;
use std::time::Duration;

use thimble_core::server::{Budget, Deadlines, Phase};
use thimble_host::deadline::{LATE, slice};

/// The least time-out of a socket: clocks have ticks.
const TICK: Duration = Duration::from_millis(8);

/// What the client has left of its time, for a half whose socket blocks, and the time-out that stands
/// on that socket.
#[derive(Debug)]
pub(crate) struct Wait {
    budget: Budget,
    deadlines: Deadlines,
    /// What the socket waits at most in one call.
    armed: Duration,
    /// What it should wait at most.
    longest: Duration,
}

/// What to do before the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// The socket's time-out will do.
    Stands,
    /// The socket's time-out has to change.
    Set(Duration),
}

impl Wait {
    /// No phase yet, over a socket whose time-out is `armed`.
    pub(crate) const fn new(deadlines: Deadlines, armed: Duration) -> Self {
        Self { budget: Budget::new(), deadlines, armed, longest: Duration::MAX }
    }

    /// Waits no longer than `longest` in one call.
    pub(crate) const fn at_most(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// The phase begins, unless it lasts already.
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.budget.enter(phase, &self.deadlines);
    }

    /// The phase is over.
    pub(crate) const fn over(&mut self) {
        self.budget.over();
    }

    /// The phase that lasts.
    pub(crate) const fn phase(&self) -> Option<Phase> {
        self.budget.phase()
    }

    /// A call took so long, and so many octets moved.
    pub(crate) fn spend(&mut self, waited: Duration, octets: usize) {
        // A file goes page by page: the call goes on when a page went before the time-out, and waits for
        // the next.
        let waits = if self.phase() == Some(Phase::Reply) { 2 } else { 1 };
        let waited = waited.min(self.armed.saturating_mul(waits).saturating_add(LATE));
        self.budget.spend(waited, octets, &self.deadlines);
    }

    /// What to do before the first try of a call.
    ///
    /// A time-out that is a little too long stands, for a system call costs more than it matters;
    /// one that is too short stands until it passes.
    pub(crate) fn first(&mut self) -> io::Result<Arm> {
        let wanted = self.wanted()?;
        let loose = wanted.saturating_add((wanted / 8).max(Duration::from_millis(100)));
        Ok(if self.armed <= loose { Arm::Stands } else { self.set(wanted) })
    }

    /// What to do before another try, after the socket's time-out passed.
    pub(crate) fn again(&mut self) -> io::Result<Arm> {
        let wanted = self.wanted()?;
        Ok(if self.armed == wanted { Arm::Stands } else { self.set(wanted) })
    }

    fn wanted(&self) -> io::Result<Duration> {
        let left = self.budget.left().ok_or(io::ErrorKind::TimedOut)?;
        let slice = match self.budget.phase() {
            Some(Phase::Idle) => Duration::MAX,
            phase => slice(phase, &self.deadlines),
        };
        Ok(left.min(slice).min(self.longest).max(TICK))
    }

    const fn set(&mut self, time_out: Duration) -> Arm {
        self.armed = time_out;
        Arm::Set(time_out)
    }
}

#[cfg(test)]
mod tests {
    use thimble_host::listen::SEND_TIME_OUT;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn wait(armed: u64) -> Wait {
        Wait::new(Deadlines::DESKTOP, secs(armed))
    }

    fn is_over(wait: &mut Wait) -> bool {
        wait.first().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[test]
    fn a_keep_alive_connection_arms_nothing() {
        let mut wait = wait(1);
        for _ in 0..3 {
            wait.enter(Phase::Idle);
            assert_eq!(wait.first().ok(), Some(Arm::Stands));
            wait.spend(secs(1), 100);
            wait.over();
        }
    }

    #[test]
    fn an_idle_connection_arms_once() {
        let mut wait = wait(1);
        wait.enter(Phase::Idle);
        wait.spend(secs(1), 0);
        assert_eq!(wait.again().ok(), Some(Arm::Set(secs(29))));
        wait.enter(Phase::Idle);
        wait.spend(secs(29), 0);
        assert!(wait.again().is_err());
    }

    #[test]
    fn a_dripping_head_has_twenty_seconds_in_all_and_arms_seldom() {
        let mut wait = wait(1);
        let (mut dripped, mut armed) = (0, 0);
        wait.enter(Phase::Idle);
        wait.spend(secs(1), 1);
        while dripped < 1000 {
            wait.enter(Phase::Head);
            match wait.first() {
                Ok(Arm::Set(_)) => armed += 1,
                Ok(Arm::Stands) => (),
                Err(_) => break,
            }
            wait.spend(Duration::from_millis(500), 1);
            dripped += 1;
        }
        assert_eq!(dripped, 40);
        assert!(armed <= 20, "armed {armed} times");
    }

    #[test]
    fn the_next_head_has_its_own_time() {
        let mut wait = wait(5);
        let stall = |wait: &mut Wait, seconds| {
            wait.enter(Phase::Head);
            (0..seconds).for_each(|_| wait.spend(secs(1), 0));
        };
        stall(&mut wait, 19);
        wait.over();
        stall(&mut wait, 19);
        assert!(!is_over(&mut wait));
        stall(&mut wait, 1);
        assert!(is_over(&mut wait));
    }

    #[test]
    fn a_process_that_stood_still_does_not_charge_its_clients() {
        for phase in [Phase::Head, Phase::Content, Phase::Reply] {
            let mut wait = wait(5);
            wait.enter(phase);
            assert!(wait.first().is_ok());
            wait.spend(secs(3600), 0);
            assert!(!is_over(&mut wait), "{phase:?}");
        }
    }

    #[test]
    fn a_long_wait_takes_many_calls() {
        let mut wait = Wait::new(Deadlines::DESKTOP, SEND_TIME_OUT);
        wait.enter(Phase::Reply);
        let each = secs(75) / 32;
        assert_eq!(wait.first().ok(), Some(Arm::Stands), "what the listener has will do");
        wait.spend(each, 0);
        assert_eq!(wait.again().ok(), Some(Arm::Set(each)));
        for _ in 2..32 {
            wait.spend(each, 0);
            assert!(wait.again().is_ok_and(|arm| arm == Arm::Stands || arm == Arm::Set(each)));
        }
        wait.spend(each, 0);
        assert!(wait.again().is_err());
    }

    #[test]
    fn a_call_that_waits_twice_is_charged_for_both() {
        let mut wait = Wait::new(Deadlines::DESKTOP, secs(5));
        wait.enter(Phase::Reply);
        (0..7).for_each(|_| wait.spend(secs(10), 0));
        assert!(!is_over(&mut wait));
        wait.spend(secs(5), 0);
        assert!(is_over(&mut wait));
    }
}
