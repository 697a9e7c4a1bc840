//! A seed for TCP's initial sequence numbers, on a board without a random number generator.
//!
//! It is gathered from memory that is not initialised after power-on and keeps its content over a reset,
//! from the board's address, and from the processor cycles at which the board wakes, until the first
//! frame that may be a client's. So the sequence numbers differ from start to start and from board to
//! board, and those of one start can't be derived from those of another.
//!
//! The seed gives no more protection than that. smoltcp computes all sequence numbers from it by a
//! linear generator, not by the keyed hash of RFC 6528: after a few connections, an attacker can compute
//! the numbers that other clients get. Nothing secret may depend on it.

use core::sync::atomic::AtomicU32;

use cortex_m::peripheral::SYST;

use crate::board::{read, write};

/// Memory that the start-up code does not clear.
#[unsafe(link_section = ".uninit.seed")]
static RETAINED: [AtomicU32; 16] = [const { AtomicU32::new(0) }; 16];

/// The registers with the board's MAC address.
const USER_REG0: usize = 0x400f_e1e0;
const USER_REG1: usize = 0x400f_e1e4;

/// A seed that is being gathered.
pub(crate) struct Seed(u64);

impl Seed {
    /// A seed from the board's address, the retained memory, and the present cycle.
    pub(crate) fn new() -> Self {
        let mut seed = Self(0);
        seed.add(read(USER_REG0));
        seed.add(read(USER_REG1));
        for register in retained() {
            seed.add(read(register));
        }
        seed.add_cycle();
        seed
    }

    /// Adds the present cycle of the processor, which runs at 12.5 MHz.
    pub(crate) fn add_cycle(&mut self) {
        self.add(SYST::get_current());
    }

    #[inline(never)]
    fn add(&mut self, word: u32) {
        // Knuth's multiplier. The upper half is then mixed into the lower one, which a multiplication
        // does not do.
        let product = (self.0 ^ u64::from(word)).wrapping_mul(6_364_136_223_846_793_005);
        self.0 = product ^ product >> 32;
    }

    /// The seed so far. Leaves a part of it in the retained memory, for the next start.
    pub(crate) fn value(&self) -> u64 {
        if let Some(register) = retained().next() {
            write(register, u32::try_from(self.0 >> 32).unwrap_or_default());
        }
        self.0
    }
}

/// The addresses of the words of [`RETAINED`]. They are read by address, so that the compiler does not
/// take them for zero.
fn retained() -> impl Iterator<Item = usize> {
    RETAINED.iter().map(|word| word.as_ptr().expose_provenance())
}
