//! A limit on the memory of all listings together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that listings take together at most. A listing that is alone may take more.
const ALL: usize = 64 * 1024 * 1024;

/// Octets that every listing may take.
const EACH: usize = 64 * 1024;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The share of one listing, which goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    taken: &'static AtomicUsize,
    own: usize,
}

/// There is no more for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Share {
    pub(super) const fn new() -> Self {
        Self::of(&TAKEN)
    }

    const fn of(taken: &'static AtomicUsize) -> Self {
        Self { taken, own: 0 }
    }

    /// Has `octets` in all.
    pub(super) fn grow_to(&mut self, octets: usize) -> Result<(), Exhausted> {
        let more = octets.saturating_sub(self.own);
        let before = self.taken.fetch_add(more, Ordering::Relaxed);
        let after = before.saturating_add(more);
        let is_alone = before == self.own;
        if after > ALL && octets > EACH && !is_alone {
            self.taken.fetch_sub(more, Ordering::Relaxed);
            return Err(Exhausted);
        }
        self.own = self.own.saturating_add(more);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.own, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_share_what_there_is() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let mut first = Share::of(&TAKEN);
        assert_eq!(first.grow_to(ALL * 2), Ok(()), "one may take more alone");
        let mut second = Share::of(&TAKEN);
        assert_eq!(second.grow_to(EACH), Ok(()), "and a small one is always possible");
        assert_eq!(second.grow_to(EACH + 1), Err(Exhausted));
        assert_eq!(first.grow_to(ALL * 3), Err(Exhausted), "it is not alone any more");
        drop(first);
        assert_eq!(second.grow_to(ALL), Ok(()));
        drop(second);
        assert_eq!(TAKEN.load(Ordering::Relaxed), 0);
    }
}
