//! The stack: how much of it was never used.

/// What every word of it is before it is used, as cortex-m-rt paints it.
const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Its lowest address.
pub fn end() -> usize {
    (&raw const _stack_end).addr()
}

/// Octets of it that were never used.
pub fn free() -> usize {
    let mut word = &raw const _stack_end;
    let top = &raw const _stack_start;
    let mut free = 0;
    // SAFETY: the words from its end up to the start are its own. Reading one that is in use gives
    // a value that doesn't matter.
    while word < top && unsafe { word.read_volatile() } == PAINT {
        free += size_of::<u32>();
        word = word.wrapping_add(1);
    }
    free
}
