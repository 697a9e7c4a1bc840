//! Pins an array of futures on the stack.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Waker};

/// Pinned futures, and `None` at the places that are not filled yet.
pub(crate) type Pinned<'p, F, const N: usize> = [Option<Pin<&'p mut F>>; N];

/// Pins each of `futures`, at the places from `count` on, then calls `body` with all of them. `body` is
/// not called if `futures` is empty.
///
/// An array of opaque futures can't be pinned in safe code, but a single one can, in a stack frame of
/// its own. So each call pins one future and calls itself for the rest; the innermost call has all of
/// them.
pub(crate) fn pin_all<F: Future, const N: usize>(
    futures: &mut dyn Iterator<Item = F>,
    count: usize,
    pinned: Pinned<'_, F, N>,
    body: &mut dyn FnMut(&mut Pinned<'_, F, N>),
) {
    let Some(future) = futures.next() else { return };
    let mut future = pin!(future);
    // A shorter lifetime: that of this frame.
    let mut pinned: Pinned<'_, F, N> = pinned;
    if let Some(place) = pinned.get_mut(count) {
        *place = Some(future.as_mut());
    }
    // A further call, without a future left, would take a stack frame for nothing.
    if count + 1 < N {
        pin_all(futures, count + 1, pinned, body);
    } else {
        body(&mut pinned);
    }
}

/// Polls a future. Not inlined: its stack frame would be part of every caller's.
#[inline(never)]
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}
