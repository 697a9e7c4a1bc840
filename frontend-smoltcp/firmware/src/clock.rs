//! The time since the start, from SysTick, and an alarm, from timer 0.

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
use smoltcp::time::Instant;

use crate::board::{Interrupt, write};

/// The value from which SysTick counts down, again and again.
const RELOAD: u32 = 0x00ff_ffff;
/// Cycles in two microseconds: QEMU's lm3s6965evb runs at 12.5 MHz unless software configures its PLL.
const TWO_MICROS: u32 = 25;
/// The period of SysTick in microseconds, rounded down.
const WRAP_MICROS: u32 = RELOAD / TWO_MICROS * 2;

/// A clock that counts processor cycles by SysTick, which has 24 bits. SysTick's interrupt ends a
/// sleep once in each period, so that no more than one wrap-around happens between two readings.
pub struct Clock {
    counter: SYST,
    last: u32,
    micros: i64,
    /// Half cycles that do not make up a whole microsecond yet.
    rest: u32,
    is_armed: bool,
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
        // Timer 0: 32 bits, one-shot, with an interrupt at its end.
        write(CTL, 0);
        write(CFG, 0);
        write(TAMR, 1);
        write(IMR, 1);
        Self { counter, last: SYST::get_current(), micros: 0, rest: 0, is_armed: false }
    }

    /// The time since the start.
    pub fn now(&mut self) -> Instant {
        let mut current = SYST::get_current();
        let has_wrapped_around = self.counter.has_wrapped();
        if has_wrapped_around {
            current = SYST::get_current();
        }
        let mut cycles = self.last.wrapping_sub(current) & RELOAD;
        if has_wrapped_around && current <= self.last {
            cycles += RELOAD + 1;
        }
        self.last = current;
        // A division of 32 bits is one instruction; of 64 bits, a large and slow function.
        let halves = cycles * 2 + self.rest;
        self.rest = halves % TWO_MICROS;
        self.micros += i64::from(halves / TWO_MICROS);
        Instant::from_micros(self.micros)
    }

    /// Starts the timer, whose interrupt ends a sleep at `next`. If `next` is more than a period of
    /// SysTick away, SysTick's own interrupt comes first. Returns whether `next` has passed already.
    pub(crate) fn arm(&mut self, next: Option<Instant>) -> bool {
        let Some(next) = next else { return false };
        let now = self.now();
        if next <= now {
            return true;
        }
        let micros = (next - now).total_micros();
        if let Some(micros) = u32::try_from(micros).ok().filter(|&micros| micros < WRAP_MICROS) {
            write(TAILR, micros * TWO_MICROS / 2 + 1);
            write(CTL, 1);
            self.is_armed = true;
        }
        false
    }

    /// Stops the timer after a sleep, and clears the interrupts that are pending.
    pub(crate) fn disarm(&mut self) {
        SCB::clear_pendst();
        if self.is_armed {
            self.is_armed = false;
            write(CTL, 0);
            write(ICR, 1);
            NVIC::unpend(Interrupt::Timer0A);
        }
    }
}
