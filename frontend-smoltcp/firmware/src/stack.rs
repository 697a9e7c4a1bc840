//! How much of the stack was never used.

/// The value that cortex-m-rt writes to every word of the stack at the start.
const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The lowest address of the stack.
pub fn end() -> usize {
    (&raw const _stack_end).addr()
}

/// The number of octets of the stack that were never used.
pub fn free() -> usize {
    let mut word = &raw const _stack_end;
    let top = &raw const _stack_start;
    let mut free = 0;
    // SAFETY: all words between these two symbols belong to the stack. A word that is in use may have
    // any value.
    while word < top && unsafe { word.read_volatile() } == PAINT {
        free += size_of::<u32>();
        word = word.wrapping_add(1);
    }
    free
}
