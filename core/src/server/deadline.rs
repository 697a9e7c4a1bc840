//! Deadlines: how long a client may keep a server waiting. Core has no clock: the frontend measures how
//! long it has waited, and passes durations in.

use core::time::Duration;

use super::transport::Phase;

/// How long a client may keep the server waiting.
///
/// Only time spent waiting for the client counts, never the time a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// For the TCP handshake of a new connection, if the frontend makes it and not an operating system.
    pub handshake: Duration,
    /// For the first octet of a request.
    pub idle: Duration,
    /// For a whole head, from its first octet.
    pub head: Duration,
    /// How far content may fall behind [`rate`](Self::rate), which is also how long it may pause.
    pub content: Duration,
    /// How far the client may fall behind [`rate`](Self::rate) in taking a reply, which is also how long
    /// it may pause, if it was not behind before.
    pub reply: Duration,
    /// The least rate at which content has to arrive and a reply has to be taken, in octets per
    /// second. Their total time is not limited.
    pub rate: u32,
    /// For the next octet that is dropped, once the sending side is shut.
    pub linger: Duration,
    /// For all octets that are dropped then, and a second more for each 64 KiB of them.
    pub linger_total: Duration,
}

impl Deadlines {
    /// For a computer: 30 s idle, 20 s for a head, 30 s without content, 75 s without reading the
    /// reply, 1 KiB/s; octets that are dropped may pause for 5 s, and take 30 s in all and a second for
    /// each 64 KiB.
    pub const DESKTOP: Self = Self {
        handshake: Duration::from_secs(3),
        idle: Duration::from_secs(30),
        head: Duration::from_secs(20),
        content: Duration::from_secs(30),
        reply: Duration::from_secs(75),
        rate: 1024,
        linger: Duration::from_secs(5),
        linger_total: Duration::from_secs(30),
    };

    /// For a microcontroller, which has few connections to give away: 3 s for the handshake, 30 s
    /// idle, 10 s for a head, 10 s without content, 75 s without reading the reply, 1 KiB/s; octets that
    /// are dropped may pause for 2 s, and take 10 s in all and a second for each 64 KiB.
    pub const DEVICE: Self = Self {
        head: Duration::from_secs(10),
        content: Duration::from_secs(10),
        linger: Duration::from_secs(2),
        linger_total: Duration::from_secs(10),
        ..Self::DESKTOP
    };
}

impl Default for Deadlines {
    fn default() -> Self {
        Self::DESKTOP
    }
}

/// Octets thrown away for which a client has a second more.
const LINGER_RATE: u32 = 64 * 1024;

/// Less than this is nothing, in microseconds: clocks have ticks.
const TICK: u64 = 8000;

/// What a client has left of the time that a phase of its connection allows.
///
/// It is a bucket. Waiting drains it. While content or a reply is under way, octets fill it again,
/// each by the time that it takes at [`Deadlines::rate`], and it holds no more than it held at first:
/// so a single piece that a system takes into its buffers earns what that piece is worth, and not a
/// new start.
///
/// Times are microseconds: a [`Duration`] is divided into seconds and parts of them, and a
/// microcontroller divides 64 bits by a large function only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    phase: Option<Phase>,
    left: u64,
    /// How long the client has kept the server waiting, and the time that it earned by octets: since
    /// the average was last taken, or since lingering began.
    waited: u64,
    earned: u64,
}

impl Budget {
    /// No phase yet.
    pub const fn new() -> Self {
        Self { phase: None, left: 0, waited: 0, earned: 0 }
    }

    /// Begins `phase`, unless the client is in it already.
    pub fn enter(&mut self, phase: Phase, deadlines: &Deadlines) {
        if self.phase == Some(phase) {
            return;
        }
        let left = micros(match phase {
            Phase::Idle => deadlines.idle,
            Phase::Head => deadlines.head,
            Phase::Content => deadlines.content,
            Phase::Reply => deadlines.reply,
            Phase::Drain => deadlines.linger,
        });
        *self = Self { phase: Some(phase), left, waited: 0, earned: 0 };
    }

    /// Ends the phase. If the same one is entered again, it begins with all of its time.
    pub const fn over(&mut self) {
        self.phase = None;
    }

    /// The current phase, if any.
    pub const fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// How much longer the client may keep the server waiting; `None` if its time is over.
    /// [`Duration::MAX`] outside of any phase.
    pub const fn left(&self) -> Option<Duration> {
        match self.left_micros() {
            0 => None,
            u64::MAX => Some(Duration::MAX),
            left => Some(Duration::from_micros(left)),
        }
    }

    /// [`left`](Self::left) in microseconds; 0 if its time is over, and [`u64::MAX`] outside of any
    /// phase.
    pub const fn left_micros(&self) -> u64 {
        match self.phase {
            None => u64::MAX,
            Some(_) if self.left < TICK => 0,
            Some(_) => self.left,
        }
    }

    /// Takes note that the server has waited for the client for `waited`, and then `octets` octets were
    /// read or written.
    pub fn spend(&mut self, waited: Duration, octets: usize, deadlines: &Deadlines) {
        self.spend_micros(micros(waited), octets, deadlines);
    }

    /// [`spend`](Self::spend) with `waited` in microseconds.
    pub fn spend_micros(&mut self, waited: u64, octets: usize, deadlines: &Deadlines) {
        let (rate, most) = match self.phase {
            Some(Phase::Content) => (deadlines.rate, deadlines.content),
            Some(Phase::Reply) => (deadlines.rate, deadlines.reply),
            Some(Phase::Drain) => (LINGER_RATE, deadlines.linger),
            Some(Phase::Idle) if octets > 0 => return self.over(),
            _ => return self.left = self.left.saturating_sub(waited),
        };
        let (earned, most) = (time_for(octets, rate), micros(most));
        self.waited = self.waited.saturating_add(waited);
        self.earned = self.earned.saturating_add(earned);
        // Neither of the two is above 2^52.
        self.left = (self.left + earned).saturating_sub(waited).min(most);
        match self.phase {
            // Content has to come at the rate on average over each stretch of this time, too: the
            // bucket alone would let a client that is a little too slow go on for minutes. Of a reply
            // nobody can say: the client's system takes it in lumps.
            Some(Phase::Content) if self.waited >= most => {
                if self.earned < most {
                    self.left = 0;
                }
                (self.waited, self.earned) = (0, 0);
            }
            Some(Phase::Drain) => {
                if octets > 0 {
                    self.left = most;
                }
                let total = micros(deadlines.linger_total).saturating_add(self.earned);
                self.left = self.left.min(total.saturating_sub(self.waited));
            }
            _ => {}
        }
    }
}

/// No more than 2^32 seconds.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn micros(duration: Duration) -> u64 {
    let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    u64::from(seconds) * 1_000_000 + u64::from(duration.subsec_micros())
}

/// The time that so many octets take at this rate, in microseconds, rounded up.
fn time_for(octets: usize, rate: u32) -> u64 {
    // Of one octet it is counted in 4096ths, of which a second has just as many as fit into 32 bits.
    const FRACTION: u32 = 12;
    let each = (1_000_000_u32 << FRACTION).div_ceil(rate.max(1));
    let octets = u32::try_from(octets).unwrap_or(u32::MAX);
    (u64::from(octets) * u64::from(each)).div_ceil(1 << FRACTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: Deadlines = Deadlines::DESKTOP;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn budget(phase: Phase) -> Budget {
        let mut budget = Budget::new();
        budget.enter(phase, &D);
        budget
    }

    /// In which second it is over when so many octets come after each; `None` if it is not within an
    /// hour.
    fn over_after(phase: Phase, rate: usize) -> Option<u64> {
        let mut budget = budget(phase);
        (0..3600).find(|_| {
            let over = budget.left().is_none();
            budget.spend(secs(1), rate, &D);
            over
        })
    }

    #[test]
    fn each_phase_has_its_time() {
        for (phase, seconds) in [
            (Phase::Idle, 30),
            (Phase::Head, 20),
            (Phase::Content, 30),
            (Phase::Reply, 75),
            (Phase::Drain, 5),
        ] {
            let mut budget = budget(phase);
            budget.spend(secs(seconds - 1), 0, &D);
            // Announced again, it goes on.
            budget.enter(phase, &D);
            assert_eq!(budget.left(), Some(secs(1)), "{phase:?}");
            budget.spend(secs(1), 0, &D);
            assert_eq!(budget.left(), None, "{phase:?}");
            budget.over();
            budget.enter(phase, &D);
            assert_eq!(budget.left(), Some(secs(seconds)), "{phase:?}");
        }
        assert_eq!(Budget::new().left(), Some(Duration::MAX));
    }

    #[test]
    fn a_request_that_begins_ends_the_idle_phase() {
        let mut budget = budget(Phase::Idle);
        budget.spend(secs(29), 1, &D);
        assert_eq!((budget.phase(), budget.left()), (None, Some(Duration::MAX)));
    }

    #[test]
    fn a_head_has_its_time_however_it_drips() {
        assert_eq!(over_after(Phase::Head, 100), Some(20));
    }

    #[test]
    fn content_and_reply_may_lag_but_not_fall_behind_for_good() {
        for (phase, rate, end) in [
            (Phase::Content, 0, Some(30)),
            (Phase::Content, 512, Some(30)),
            (Phase::Content, 1000, Some(30)),
            (Phase::Content, 1024, None),
            (Phase::Reply, 0, Some(75)),
            (Phase::Reply, 512, Some(150)),
            (Phase::Reply, 1024, None),
        ] {
            assert_eq!(over_after(phase, rate), end, "{phase:?} {rate}");
        }
    }

    #[test]
    fn a_reader_that_took_gigabytes_may_pause_no_longer_than_another() {
        let mut budget = budget(Phase::Reply);
        budget.spend(Duration::ZERO, usize::MAX, &D);
        budget.spend(secs(74), 0, &D);
        assert_eq!(budget.left(), Some(secs(1)));
        budget.spend(secs(1), 0, &D);
        assert_eq!(budget.left(), None);
    }

    #[test]
    fn a_piece_earns_what_it_is_worth() {
        let mut budget = budget(Phase::Reply);
        // A probe of a closed window, and a piece of 52 KiB that a system takes.
        budget.spend(secs(60), 1, &D);
        assert!(budget.left() < Some(secs(16)));
        budget.spend(secs(0), 52 * 1024, &D);
        assert!(budget.left() < Some(secs(68)));
    }

    #[test]
    fn a_reader_that_pauses_each_minute_lives() {
        let mut budget = budget(Phase::Reply);
        for _ in 0..100 {
            budget.spend(secs(61), 0, &D);
            assert!(budget.left().is_some());
            budget.spend(Duration::from_millis(1), 1 << 20, &D);
        }
    }

    #[test]
    fn a_slow_reader_whose_system_takes_lumps_lives() {
        let mut budget = budget(Phase::Reply);
        for _ in 0..100 {
            budget.spend(secs(62), 64 * 1024, &D);
            assert!(budget.left().is_some());
        }
    }

    #[test]
    fn lingering_grows_with_what_is_thrown_away() {
        // Octets a second, seconds until it is over.
        for (rate, end) in [(0, 5), (1, 30), (32 * 1024, 59), (60 * 1024, 479)] {
            let over = over_after(Phase::Drain, rate);
            assert!(over.is_some_and(|over| over.abs_diff(end) <= 1), "{rate}: {over:?}");
        }
        // A hundred megabytes at 400 kB/s.
        let mut budget = budget(Phase::Drain);
        for _ in 0..250 {
            budget.spend(secs(1), 400_000, &D);
            assert!(budget.left().is_some());
        }
    }
}
