//! Deadlines: how long a peer may keep the server waiting.

use std::io;
use std::time::Duration;

use thimble_core::server::Phase;

/// How long a peer may keep the server waiting.
///
/// Only time spent waiting for the peer counts, never the time a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// For the first octet of a request.
    pub idle: Duration,
    /// For a whole head, from its first octet.
    pub head: Duration,
    /// How far content and reply may fall behind [`rate`](Self::rate).
    pub lag: Duration,
    /// The least rate at which content has to arrive and a reply has to be taken, in octets per
    /// second. There is no limit on the whole.
    pub rate: u32,
    /// For the end of the connection, once the sending side is shut.
    pub drain: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            head: Duration::from_secs(20),
            lag: Duration::from_secs(30),
            rate: 1024,
            drain: Duration::from_secs(2),
        }
    }
}

/// Less than this is nothing: clocks have ticks.
const TICK: Duration = Duration::from_millis(8);

/// What a half of a connection has left of the time that its phase allows.
///
/// It is a bucket. Waiting drains it; in the phases with a rate, octets fill it again, and it
/// holds no more than [`Deadlines::lag`].
#[derive(Debug)]
pub struct Patience {
    deadlines: Deadlines,
    phase: Option<Phase>,
    left: Duration,
    /// How long the peer has kept the server waiting since the average was last taken, and the
    /// octets that came meanwhile.
    waited: Duration,
    octets: u64,
}

impl Patience {
    /// No phase yet.
    pub const fn new(deadlines: Deadlines) -> Self {
        let left = Duration::ZERO;
        Self { deadlines, phase: None, left, waited: Duration::ZERO, octets: 0 }
    }

    /// The phase begins, unless it lasts already.
    pub fn enter(&mut self, phase: Phase) {
        if self.phase == Some(phase) {
            return;
        }
        self.phase = Some(phase);
        (self.waited, self.octets) = (Duration::ZERO, 0);
        self.left = match phase {
            Phase::Idle => self.deadlines.idle,
            Phase::Head => self.deadlines.head,
            Phase::Content | Phase::Reply => self.deadlines.lag,
            Phase::Drain => self.deadlines.drain,
        };
    }

    /// The phase is over: should the same come again, it begins anew.
    pub const fn over(&mut self) {
        self.phase = None;
    }

    /// Whether it is the peer's turn to begin a request.
    pub fn is_idle(&self) -> bool {
        self.phase == Some(Phase::Idle)
    }

    /// Whether what still arrives is thrown away.
    pub fn is_draining(&self) -> bool {
        self.phase == Some(Phase::Drain)
    }

    /// How much longer it may take.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`]: no longer.
    pub fn left(&self) -> io::Result<Duration> {
        if self.phase.is_some() && self.left < TICK {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(if self.phase.is_some() { self.left } else { self.deadlines.lag })
    }

    /// The peer kept the server waiting for so long, and moved on by so many octets.
    pub fn spend(&mut self, waited: Duration, octets: usize) {
        let gain = match self.phase {
            Some(Phase::Content | Phase::Reply) => {
                let octets = u32::try_from(octets).unwrap_or(u32::MAX);
                Duration::from_secs(octets.into()) / self.deadlines.rate.max(1)
            }
            _ => Duration::ZERO,
        };
        let most = self.deadlines.lag.max(self.left);
        self.left = self.left.saturating_add(gain).saturating_sub(waited).min(most);
        if self.phase == Some(Phase::Content) {
            self.average(waited, octets);
        }
        if self.is_idle() && octets > 0 {
            self.phase = None;
        }
    }

    /// Content has to come at the rate on average over each [`Deadlines::lag`], too: the bucket
    /// alone would let a peer that is a little too slow go on for minutes. Of a reply nobody can
    /// say: the peer's system takes it in lumps.
    fn average(&mut self, waited: Duration, octets: usize) {
        self.waited = self.waited.saturating_add(waited);
        self.octets = self.octets.saturating_add(octets as u64);
        if self.waited >= self.deadlines.lag {
            if self.octets < self.deadlines.lag.as_secs().saturating_mul(self.deadlines.rate.into())
            {
                self.left = Duration::ZERO;
            }
            (self.waited, self.octets) = (Duration::ZERO, 0);
        }
    }
}

/// The patience of a half whose socket blocks, and the time-out that stands on that socket.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) patience: Patience,
    /// What the socket waits at most in one call; zero if unknown.
    armed: Duration,
    /// What it should wait at most in one call.
    slice: Duration,
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
    pub(crate) const fn new(deadlines: Deadlines, armed: Duration, slice: Duration) -> Self {
        Self { patience: Patience::new(deadlines), armed, slice }
    }

    /// What to do before the first try of a call.
    ///
    /// A time-out that is a little too long stands, for a system call costs more than it matters;
    /// one that is too short stands until it passes.
    pub(crate) fn first(&mut self) -> io::Result<Arm> {
        let wanted = self.wanted()?;
        let loose = wanted.saturating_add((wanted / 8).max(Duration::from_millis(100)));
        let stands = !self.armed.is_zero() && self.armed <= loose;
        Ok(if stands { Arm::Stands } else { self.set(wanted) })
    }

    /// What to do before another try, after the socket's time-out passed.
    pub(crate) fn again(&mut self) -> io::Result<Arm> {
        let wanted = self.wanted()?;
        Ok(if self.armed == wanted { Arm::Stands } else { self.set(wanted) })
    }

    fn wanted(&self) -> io::Result<Duration> {
        Ok(self.patience.left()?.min(self.slice).max(TICK))
    }

    const fn set(&mut self, time_out: Duration) -> Arm {
        self.armed = time_out;
        Arm::Set(time_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn wait(armed: u64) -> Wait {
        Wait::new(Deadlines::default(), secs(armed), secs(3600))
    }

    fn is_over(wait: &mut Wait) -> bool {
        wait.first().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[test]
    fn a_keep_alive_connection_arms_nothing() {
        let mut wait = wait(1);
        for _ in 0..3 {
            wait.patience.enter(Phase::Idle);
            assert_eq!(wait.first().ok(), Some(Arm::Stands));
            wait.patience.spend(secs(1), 100);
            wait.patience.over();
        }
    }

    #[test]
    fn an_idle_connection_arms_once() {
        let mut wait = wait(1);
        wait.patience.enter(Phase::Idle);
        wait.patience.spend(secs(1), 0);
        assert_eq!(wait.again().ok(), Some(Arm::Set(secs(29))));
        wait.patience.enter(Phase::Idle);
        wait.patience.spend(secs(29), 0);
        assert!(wait.again().is_err());
    }

    #[test]
    fn a_dripping_head_has_twenty_seconds_in_all_and_arms_seldom() {
        let mut wait = wait(1);
        let (mut dripped, mut armed) = (0, 0);
        wait.patience.enter(Phase::Idle);
        wait.patience.spend(secs(3), 1);
        while dripped < 1000 {
            wait.patience.enter(Phase::Head);
            match wait.first() {
                Ok(Arm::Set(_)) => armed += 1,
                Ok(Arm::Stands) => (),
                Err(_) => break,
            }
            wait.patience.spend(Duration::from_millis(500), 1);
            dripped += 1;
        }
        assert_eq!(dripped, 40);
        assert!(armed <= 20, "armed {armed} times");
    }

    #[test]
    fn the_next_head_has_its_own_time() {
        let mut wait = wait(1);
        wait.patience.enter(Phase::Head);
        wait.patience.spend(secs(19), 0);
        wait.patience.over();
        wait.patience.enter(Phase::Head);
        wait.patience.spend(secs(19), 0);
        assert!(!is_over(&mut wait));
        wait.patience.spend(secs(1), 0);
        assert!(is_over(&mut wait));
    }

    #[test]
    fn content_and_reply_may_lag_but_not_fall_behind_for_good() {
        // Octets per second, seconds until it is over.
        let content = [(0, Some(30)), (512, Some(30)), (1000, Some(30)), (1024, None)];
        let reply = [(0, Some(30)), (512, Some(59)), (1000, None), (1024, None)];
        for (phase, cases) in [(Phase::Content, content), (Phase::Reply, reply)] {
            for (rate, end) in cases {
                let mut wait = wait(1);
                wait.patience.enter(phase);
                let over = (0..1200).find(|_| {
                    let over = is_over(&mut wait);
                    wait.patience.spend(secs(1), rate);
                    over
                });
                assert!(
                    end.is_none_or(|end| over.is_some_and(|at: u64| at.abs_diff(end) <= 1)),
                    "{rate}: {over:?}"
                );
                assert_eq!(end.is_none(), over.is_none_or(|at| at > 1100), "{rate}: {over:?}");
            }
        }
    }

    #[test]
    fn a_burst_earns_no_more_than_the_lag() {
        let mut wait = wait(1);
        wait.patience.enter(Phase::Reply);
        wait.patience.spend(Duration::ZERO, usize::MAX);
        wait.patience.spend(secs(30), 0);
        assert!(is_over(&mut wait));
    }

    #[test]
    fn a_drain_ends_however_much_arrives() {
        let mut wait = wait(29);
        wait.patience.enter(Phase::Drain);
        assert_eq!(wait.first().ok(), Some(Arm::Set(secs(2))));
        wait.patience.spend(secs(2), 100_000);
        assert!(is_over(&mut wait));
    }

    #[test]
    fn slices_cut_a_long_wait() {
        let mut wait = Wait::new(Deadlines::default(), secs(5), secs(5));
        wait.patience.enter(Phase::Reply);
        assert_eq!(wait.first().ok(), Some(Arm::Stands));
        for _ in 0..5 {
            wait.patience.spend(secs(5), 0);
            assert_eq!(wait.again().ok(), Some(Arm::Stands));
        }
        wait.patience.spend(secs(5), 0);
        assert!(wait.again().is_err());
    }
}
