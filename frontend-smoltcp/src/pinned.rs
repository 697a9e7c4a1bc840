//! Futures pinned on the stack, as many as there are.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Waker};

/// Futures that are pinned, and those places that have none yet.
pub(crate) type Pinned<'p, F, const N: usize> = [Option<Pin<&'p mut F>>; N];

/// Makes and pins each of `futures`, at the places from `count` on, then calls `body` with all of
/// them. Without any there is nothing to do.
///
/// An array of opaque futures can't be pinned in safe code, but one of them can, in a frame of its
/// own. So each call pins one, and the last one has them all.
pub(crate) fn pin_all<F: Future, const N: usize>(
    futures: &mut dyn Iterator<Item = F>,
    count: usize,
    pinned: Pinned<'_, F, N>,
    body: &mut dyn FnMut(&mut Pinned<'_, F, N>),
) {
    let Some(future) = futures.next() else { return };
    let mut future = pin!(future);
    // As long as this frame has it.
    let mut pinned: Pinned<'_, F, N> = pinned;
    if let Some(place) = pinned.get_mut(count) {
        *place = Some(future.as_mut());
    }
    // A call that finds none left would waste a frame.
    if count + 1 < N {
        pin_all(futures, count + 1, pinned, body);
    } else {
        body(&mut pinned);
    }
}

/// Lets a future go on. Inlined, its frame would add to that of every caller.
#[inline(never)]
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}
