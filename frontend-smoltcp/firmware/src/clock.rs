//! The time since the start, and an alarm.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use smoltcp::time::Instant;

use crate::board::{FREQUENCY, write};

/// What the counter counts down from, and begins anew.
const RELOAD: u32 = 0x00ff_ffff;

/// The cycle counter of the processor: 24 bits, read often enough that no turn is missed. Its
/// interrupt, once a turn, ends the sleep in time for that.
pub struct Clock {
    counter: SYST,
    last: u32,
    cycles: u64,
}

const TIMER: usize = 0x4003_0000;
const CFG: usize = TIMER;
const TAMR: usize = TIMER + 0x04;
const CTL: usize = TIMER + 0x0c;
const IMR: usize = TIMER + 0x18;
const ICR: usize = TIMER + 0x24;
const TAILR: usize = TIMER + 0x28;

impl Clock {
    pub(crate) fn new(mut counter: SYST) -> Self {
        counter.set_clock_source(SystClkSource::Core);
        counter.set_reload(RELOAD);
        counter.clear_current();
        counter.enable_interrupt();
        counter.enable_counter();
        // 32 bits, once, with an interrupt at its end.
        write(CTL, 0);
        write(CFG, 0);
        write(TAMR, 1);
        write(IMR, 1);
        Self { counter, last: RELOAD, cycles: 0 }
    }

    /// What time it is.
    pub fn now(&mut self) -> Instant {
        let _ = &self.counter;
        let current = SYST::get_current();
        self.cycles += u64::from(self.last.wrapping_sub(current) & RELOAD);
        self.last = current;
        Instant::from_micros(
            i64::try_from(self.cycles * 2 / (2 * FREQUENCY / 1_000_000)).unwrap_or(i64::MAX),
        )
    }

    /// Makes the timer's interrupt pending at `next`.
    pub(crate) fn arm(&mut self, next: Option<Instant>) {
        let Some(next) = next else { return };
        let now = self.now();
        let micros = if next > now { (next - now).total_micros() } else { 0 };
        let cycles = (micros.min(10_000_000) * FREQUENCY).div_ceil(1_000_000).max(1);
        write(TAILR, u32::try_from(cycles).unwrap_or(u32::MAX));
        write(CTL, 1);
    }

    pub(crate) fn disarm(&mut self) {
        write(CTL, 0);
        write(ICR, 1);
    }
}
