//! The transmit buffer, and what of it is still to be sent.

use super::refusal_page::{RefusalPage, Shown};
use crate::bytes::cursor::{Cursor, Full};
use crate::bytes::span::Span;
use crate::bytes::window::copy_down;
use crate::framing::EmitError;

/// What the transmit buffer holds. It outlives the exchange that put it there, so that the replies to
/// pipelined requests leave together.
#[derive(Clone, Copy, Debug, Default)]
// In this order: what is looked at most is where a microcontroller's short instructions reach.
#[repr(C)]
pub(super) struct Unsent {
    /// Octets to be sent, from the start of the buffer on.
    pub(super) len: usize,
    /// How many of those belong to earlier replies.
    pub(super) earlier: usize,
    /// Whether octets of the final reply of this exchange have left.
    pub(super) committed: bool,
    /// Whether a write is under way. It stays so when the future that wrote was dropped, and then
    /// nobody knows how much of it went.
    pub(super) writing: bool,
    /// The first thing of the reply's head that could not be emitted.
    pub(super) fault: Option<EmitError>,
    /// Octets of field lines that were added from outside of the service. They stand at the end of
    /// the buffer until the reply can't be replaced any more.
    pub(super) added: usize,
    /// Octets behind those that the exchange has for its path. They are not part of its buffer.
    pub(super) path: usize,
    /// What shows refusals, if the server has it.
    pub(super) page: Option<&'static RefusalPage>,
    /// The refusal whose page is to be put behind all that. It is accounted for.
    pub(super) shown: Option<Shown>,
}

impl Unsent {
    /// Nothing, on a connection where `page` shows refusals.
    pub(super) fn new(page: Option<&'static RefusalPage>) -> Self {
        Self { page, ..Self::default() }
    }

    /// Whether nothing is to be sent.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The reply is whole: what comes next belongs to another one.
    pub(super) const fn end_reply(&mut self) {
        self.earlier = self.len;
        self.committed = false;
        self.fault = None;
        self.added = 0;
        self.path = 0;
    }
}

/// The transmit buffer in use.
#[derive(Debug)]
pub(super) struct Buffer<'c> {
    pub(super) octets: &'c mut [u8],
    pub(super) unsent: &'c mut Unsent,
}

impl<'c> Buffer<'c> {
    pub(super) const fn new(octets: &'c mut [u8], unsent: &'c mut Unsent) -> Self {
        Self { octets, unsent }
    }

    /// The same, for another reply in the place of this one.
    pub(super) fn reborrow(&mut self) -> Buffer<'_> {
        Buffer { octets: self.octets, unsent: self.unsent }
    }

    /// Where the next part of the reply's head goes: not into the room of the fields that were added.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn head(&mut self) -> Cursor<'_> {
        let most = self.octets.len() / 2;
        let used = self.unsent.len - self.unsent.earlier;
        let free = self.free();
        let room = free.len().min(most.saturating_sub(used));
        Cursor::new(free.get_mut(..room).unwrap_or_default())
    }

    /// Where the room ends: before the field lines that are added to the head later.
    pub(super) const fn end(&self) -> usize {
        self.octets.len().saturating_sub(self.unsent.added)
    }

    /// Adds the field lines that stand at the end of the buffer to the head.
    pub(super) fn push_added(&mut self) -> Result<(), Full> {
        let (start, Unsent { len, added, .. }) = (self.end(), *self.unsent);
        if len + added > start {
            return Err(Full);
        }
        copy_down(self.octets, start, start + added, len);
        self.unsent.len += added;
        Ok(())
    }

    /// Puts all of `octets` into the buffer, or nothing.
    pub(super) fn push(&mut self, octets: &[u8]) -> Result<(), Full> {
        let mut free = Cursor::new(self.free());
        free.push(octets);
        self.unsent.len += free.written()?;
        Ok(())
    }

    /// Whether the buffer holds nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.unsent.is_empty()
    }

    /// What the buffer holds of the reply of this exchange.
    pub(super) fn reply(&self) -> &[u8] {
        Span { start: self.unsent.earlier, end: self.unsent.len }.of(self.octets)
    }

    /// What is free of the buffer.
    pub(super) fn free(&mut self) -> &mut [u8] {
        let end = self.end();
        self.octets.get_mut(self.unsent.len..end).unwrap_or_default()
    }

    /// Says that `count` octets were put into what [`free`](Self::free) returned.
    pub(super) fn fill(&mut self, count: usize) {
        self.unsent.len = self.unsent.len.saturating_add(count).min(self.octets.len());
    }

    /// Puts more of the page of a refusal into the buffer. Returns whether nothing is left of it.
    pub(super) fn fill_page(&mut self) -> bool {
        let Unsent { len, earlier, page: Some(page), shown: Some(shown), .. } = &mut *self.unsent
        else {
            return true;
        };
        let free = self.octets.get_mut(*len..).unwrap_or_default();
        let (count, is_whole) = page.put(shown, free);
        *len += count;
        // Its reply is made already: nothing of the next one is there yet.
        *earlier = *len;
        if is_whole {
            self.unsent.shown = None;
        }
        is_whole
    }
}
