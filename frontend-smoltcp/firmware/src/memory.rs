//! Moving octets within memory.

/// Moves `count` octets, where both ranges may overlap, one by one. That of the compiler's library is
/// 1.5 KB of code that makes it fast; but here only smoltcp moves something, a few routes and neighbours.
///
/// # Safety
/// As for [`core::ptr::copy`].
#[unsafe(no_mangle)]
#[inline(never)]
unsafe extern "C" fn __aeabi_memmove(to: *mut u8, from: *const u8, count: usize) {
    let is_forward = to.addr() <= from.addr();
    for done in 0..count {
        let at = if is_forward { done } else { count - 1 - done };
        // SAFETY: both ranges are `count` octets long, as the caller promises. Volatile, so that the
        // compiler does not make a call of this function out of the loop.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
}

/// [`__aeabi_memmove`] for what is aligned to words.
///
/// # Safety
/// As for [`core::ptr::copy`].
#[unsafe(no_mangle)]
unsafe extern "C" fn __aeabi_memmove4(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: as the caller promises.
    unsafe { __aeabi_memmove(to, from, count) };
}

/// [`__aeabi_memmove`] for what is aligned to two words.
///
/// # Safety
/// As for [`core::ptr::copy`].
#[unsafe(no_mangle)]
unsafe extern "C" fn __aeabi_memmove8(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: as the caller promises.
    unsafe { __aeabi_memmove(to, from, count) };
}
