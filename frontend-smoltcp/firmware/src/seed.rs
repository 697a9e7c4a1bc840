//! A seed for initial sequence numbers, from what little chance the board meets.
//!
//! It comes from the memory as the power found it, which a reset keeps, so that no start is like the one
//! before; from the board's own address; and from the cycles at which the board wakes, until the first
//! frame that may be a client's. So two starts give different numbers, also of one board, and somebody
//! who saw those of one start doesn't know those of the next.
//!
//! It is worth no more than that. smoltcp draws every number from its seed by a linear generator, and
//! has no room for the keyed hash of RFC 6528: somebody who connects a few times can work out which
//! number another client gets next. Nothing secret may depend on it.

use core::sync::atomic::AtomicU32;

use cortex_m::peripheral::SYST;

use crate::board::{read, write};

/// Memory that nothing clears.
#[unsafe(link_section = ".uninit.seed")]
static RETAINED: [AtomicU32; 16] = [const { AtomicU32::new(0) }; 16];

/// Where a board keeps its address.
const USER_REG0: usize = 0x400f_e1e0;
const USER_REG1: usize = 0x400f_e1e4;

/// What was gathered.
pub(crate) struct Seed(u64);

impl Seed {
    /// What the board has at its start.
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

    /// Adds the present cycle of the processor, of which there are some millions in a second.
    pub(crate) fn add_cycle(&mut self) {
        self.add(SYST::get_current());
    }

    #[inline(never)]
    fn add(&mut self, word: u32) {
        // Knuth's multiplier; its product's upper half goes into the lower one, which it doesn't reach.
        let product = (self.0 ^ u64::from(word)).wrapping_mul(6_364_136_223_846_793_005);
        self.0 = product ^ product >> 32;
    }

    /// The seed so far. The next start finds a part of it in memory.
    pub(crate) fn value(&self) -> u64 {
        if let Some(register) = retained().next() {
            write(register, u32::try_from(self.0 >> 32).unwrap_or_default());
        }
        self.0
    }
}

/// The addresses of that memory's words. The compiler must not believe that it is zero.
fn retained() -> impl Iterator<Item = usize> {
    RETAINED.iter().map(|word| word.as_ptr().expose_provenance())
}
