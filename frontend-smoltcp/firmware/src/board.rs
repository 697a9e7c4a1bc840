//! The board: an LM3S6965 evaluation board at 12.5 MHz, as QEMU emulates it.

use cortex_m::Peripherals;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use crate::clock::Clock;
use crate::ethernet::{self, Ethernet, Frames};

/// The interrupts that wake the processor.
#[derive(Clone, Copy)]
pub(crate) enum Interrupt {
    Timer0A = 19,
    Ethernet = 42,
}

// SAFETY: the numbers are from the data sheet, and less than 240.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    fn DefaultHandler();
}

/// The interrupt vectors, up to the last interrupt that wakes the processor. No handler is called,
/// since interrupts stay masked.
// SAFETY: cortex-m-rt's linker script expects a table of handlers in this section.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); Interrupt::Ethernet as usize + 1] =
    [DefaultHandler; Interrupt::Ethernet as usize + 1];

/// The peripherals that the images use.
pub struct Board {
    /// The Ethernet controller.
    pub ethernet: Ethernet,
    /// The clock.
    pub clock: Clock,
}

impl Board {
    /// Takes the board and initialises its peripherals. Interrupts stay masked: they wake the
    /// processor, but no handler runs, so nothing is ever interrupted.
    ///
    /// # Panics
    /// If it is called a second time.
    pub fn take(frames: &'static mut Frames) -> Self {
        cortex_m::interrupt::disable();
        let peripherals = Peripherals::take().expect("the board is taken once");
        // Clocks for timer 0, the Ethernet controller with its PHY, and GPIO port F.
        write(RCGC1, read(RCGC1) | 1 << 16);
        write(RCGC2, read(RCGC2) | 1 << 28 | 1 << 30 | 1 << 5);
        let board = Self { ethernet: Ethernet::new(frames), clock: Clock::new(peripherals.SYST) };
        // SAFETY: PRIMASK is set, so unmasking an interrupt here breaks no critical section.
        unsafe {
            NVIC::unmask(Interrupt::Timer0A);
            NVIC::unmask(Interrupt::Ethernet);
        }
        board
    }

    /// Sleeps until a frame has arrived, or until `next` if it is given.
    pub fn sleep(&mut self, next: Option<smoltcp::time::Instant>) {
        ethernet::acknowledge();
        NVIC::unpend(Interrupt::Ethernet);
        // A frame that arrives from here on makes its interrupt pending. A pending interrupt ends
        // `wfi` although PRIMASK is set. The same holds for the timer.
        let is_due = self.clock.arm(next);
        if !is_due && !self.ethernet.has_frame() {
            cortex_m::asm::wfi();
        }
        self.clock.disarm();
    }
}

pub(crate) const RCGC1: usize = 0x400f_e104;
pub(crate) const RCGC2: usize = 0x400f_e108;

/// Reads the register at `address`.
pub(crate) fn read(address: usize) -> u32 {
    // SAFETY: the callers pass addresses of 32-bit registers, which are aligned.
    unsafe { (address as *const u32).read_volatile() }
}

/// Writes the register at `address`.
pub(crate) fn write(address: usize, value: u32) {
    // SAFETY: as for `read`. No register that is written here starts DMA.
    unsafe { (address as *mut u32).write_volatile(value) }
}
