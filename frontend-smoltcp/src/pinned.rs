//! Futures pinned on the stack, as many as there are.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

/// Makes and pins each of `futures`, then calls `body` with a function that polls all of them.
///
/// An array of opaque futures can't be pinned in safe code, but one of them can, in a frame of its
/// own. So each call pins one, and adds it to those that are polled. Without any there is nothing
/// to do.
pub(crate) fn pin_all<F: Future>(
    futures: &mut dyn ExactSizeIterator<Item = F>,
    poll_callers: &mut dyn FnMut(),
    body: &mut dyn FnMut(&mut dyn FnMut()),
) {
    let Some(future) = futures.next() else { return };
    let mut future = pin!(future);
    let mut poll = || {
        poll_callers();
        let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    };
    // A call that finds none left would waste a frame.
    if futures.len() == 0 {
        body(&mut poll);
    } else {
        pin_all(futures, &mut poll, body);
    }
}
