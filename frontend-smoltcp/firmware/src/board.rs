//! The board: an LM3S6965 evaluation board, at the 12.5 MHz of QEMU's.

use cortex_m::Peripherals;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use crate::clock::Clock;
use crate::ethernet::{self, Ethernet, Frames};

/// The interrupts that end a sleep.
#[derive(Clone, Copy)]
pub(crate) enum Interrupt {
    Timer0A = 19,
    Ethernet = 42,
}

// SAFETY: the numbers are those of the data sheet, and less than 240.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    fn DefaultHandler();
}

/// The handlers of interrupts up to the last one that ends a sleep. None is called: they stay masked.
// SAFETY: this is where the linker's script expects the table, and what it is.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); Interrupt::Ethernet as usize + 1] =
    [DefaultHandler; Interrupt::Ethernet as usize + 1];

/// What the images use of the board.
pub struct Board {
    /// The network card.
    pub ethernet: Ethernet,
    /// The clock.
    pub clock: Clock,
}

impl Board {
    /// Takes the board. Interrupts stay masked: they end a sleep, and nothing else, so there are no
    /// handlers and no races.
    ///
    /// # Panics
    /// When it is taken for the second time.
    pub fn take(frames: &'static mut Frames) -> Self {
        cortex_m::interrupt::disable();
        let peripherals = Peripherals::take().expect("the board is taken once");
        // Clocks for the first timer, the network card and its wiring.
        write(RCGC1, read(RCGC1) | 1 << 16);
        write(RCGC2, read(RCGC2) | 1 << 28 | 1 << 30 | 1 << 5);
        let board = Self { ethernet: Ethernet::new(frames), clock: Clock::new(peripherals.SYST) };
        // SAFETY: interrupts are masked, and nothing relies on their order.
        unsafe {
            NVIC::unmask(Interrupt::Timer0A);
            NVIC::unmask(Interrupt::Ethernet);
        }
        board
    }

    /// Sleeps until a frame is there, or until `next`, if that is given.
    pub fn sleep(&mut self, next: Option<smoltcp::time::Instant>) {
        ethernet::acknowledge();
        NVIC::unpend(Interrupt::Ethernet);
        // A frame that arrives from here on makes the interrupt pending, which ends the sleep
        // although it is masked; and so does the clock's.
        let is_due = self.clock.arm(next);
        if !is_due && !self.ethernet.has_frame() {
            cortex_m::asm::wfi();
        }
        self.clock.disarm();
    }
}

pub(crate) const RCGC1: usize = 0x400f_e104;
pub(crate) const RCGC2: usize = 0x400f_e108;

/// Reads a register.
pub(crate) fn read(address: usize) -> u32 {
    // SAFETY: the callers give addresses of registers, each a word.
    unsafe { (address as *const u32).read_volatile() }
}

/// Writes a register.
pub(crate) fn write(address: usize, value: u32) {
    // SAFETY: as for `read`. No register that is used here makes the card read or write memory.
    unsafe { (address as *mut u32).write_volatile(value) }
}
