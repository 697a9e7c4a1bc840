//! The time since the start, and an alarm.

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{NVIC, SCB, SYST};
use smoltcp::time::Instant;

use crate::board::{Interrupt, write};

/// What the counter counts down from, and begins anew.
const RELOAD: u32 = 0x00ff_ffff;
/// Cycles of two microseconds: QEMU's lm3s6965evb has 12.5 MHz, unless software chooses otherwise.
const TWO_MICROS: u32 = 25;
/// Microseconds of a turn of the counter, or a little less.
const WRAP_MICROS: u32 = RELOAD / TWO_MICROS * 2;

/// The cycle counter of the processor, of 24 bits. Its interrupt ends a sleep at every turn, and it
/// remembers one of them until the next reading.
pub struct Clock {
    counter: SYST,
    last: u32,
    micros: i64,
    /// Halves of a cycle that are not a microsecond yet.
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
        // 32 bits, once, with an interrupt at its end.
        write(CTL, 0);
        write(CFG, 0);
        write(TAMR, 1);
        write(IMR, 1);
        Self { counter, last: SYST::get_current(), micros: 0, rest: 0, is_armed: false }
    }

    /// What time it is.
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
        // The processor divides 32 bits by itself; 64 would take a large and slow function.
        let halves = cycles * 2 + self.rest;
        self.rest = halves % TWO_MICROS;
        self.micros += i64::from(halves / TWO_MICROS);
        Instant::from_micros(self.micros)
    }

    /// Makes the timer's interrupt pending at `next`, unless the counter's comes before. Returns
    /// whether it is time already.
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

    /// The sleep is over.
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
