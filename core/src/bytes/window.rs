//! A receive window over the caller's buffer: the octets that arrived and were not consumed yet.

use super::span::Span;

/// A buffer and the span of it that is unread. Reading appends at the end; consuming takes from
/// the start. The span outlives the window, so that the owner of the buffer finds what is left.
///
/// Callers take no more octets than are there, so that sums of counts can't overflow.
#[derive(Debug)]
pub struct Window<'b> {
    buffer: &'b mut [u8],
    span: &'b mut Span,
    /// Octets at the front of the buffer that are kept, and never read into.
    kept: usize,
}

impl<'b> Window<'b> {
    /// A window over `buffer`, of which `span` is unread.
    pub const fn new(buffer: &'b mut [u8], span: &'b mut Span) -> Self {
        Self { buffer, span, kept: 0 }
    }

    /// The octets that are unread.
    pub fn unread(&self) -> &[u8] {
        self.span.of(self.buffer)
    }

    /// Takes `count` octets from the start, or all, when there are fewer.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn consume(&mut self, count: usize) {
        self.span.start = self.span.end.min(self.span.start + count);
        if self.span.start == self.span.end {
            *self.span = Span { start: self.kept, end: self.kept };
        }
    }

    /// Takes `skipped` octets from the start, and lends the `count` after them, which it takes too.
    /// They stay where they are until something is read.
    pub fn take(&mut self, skipped: usize, count: usize) -> &[u8] {
        let start = self.span.start + skipped;
        self.consume(skipped + count);
        self.buffer.get(start..start + count).unwrap_or_default()
    }

    /// Moves the octets that are kept from `start` on down to `to`, and keeps none between.
    pub fn close_gap(&mut self, to: usize, start: usize) {
        copy_down(self.buffer, start, self.kept, to);
        self.kept = to + (self.kept - start);
        self.consume(0);
    }

    /// Takes `skipped` octets from the start and moves the `count` after them behind those that
    /// are kept already, to be kept too.
    pub fn keep(&mut self, skipped: usize, count: usize) {
        let from = self.span.start + skipped;
        copy_down(self.buffer, from, self.span.end.min(from + count), self.kept);
        self.kept += count;
        self.consume(skipped + count);
    }

    /// The number of octets that may still be kept, when `limit` of them may be kept in all.
    pub fn room_within(&self, limit: usize) -> usize {
        limit.min(self.buffer.len()).saturating_sub(self.kept)
    }

    /// The free space after the last unread octet, to read into. The unread octets move to the front
    /// when there is none. It is empty only when the window is full.
    pub fn free(&mut self) -> &mut [u8] {
        if self.span.end == self.buffer.len() && self.span.start > self.kept {
            self.compact();
        }
        self.buffer.get_mut(self.span.end..).unwrap_or_default()
    }

    /// Adds `count` octets that were read into [`free`](Self::free) to the unread ones.
    pub fn fill(&mut self, count: usize) {
        self.span.end = self.span.end.saturating_add(count).min(self.buffer.len());
    }

    /// Moves the unread octets to the front.
    pub fn compact(&mut self) {
        let Span { start, end } = *self.span;
        copy_down(self.buffer, start, end, self.kept);
        *self.span = Span { start: self.kept, end: self.kept + (end - start) };
    }

    /// The octets that are kept.
    pub fn as_kept(&self) -> &[u8] {
        self.buffer.get(..self.kept).unwrap_or_default()
    }

    /// The octets that are kept, to be changed in place.
    pub fn kept(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.kept).unwrap_or_default()
    }
}

/// Copies `start..end` of `buffer` down to `to`.
pub(crate) fn copy_down(buffer: &mut [u8], start: usize, end: usize, to: usize) {
    if start == to || start > end || end > buffer.len() || to > start {
        return;
    }
    if cfg!(target_pointer_width = "64") {
        buffer.copy_within(start..end, to);
    } else {
        copy_each(buffer, start, end, to);
    }
}

/// The same, octet by octet: `memmove` alone would weigh more than this loop by far.
fn copy_each(buffer: &mut [u8], start: usize, end: usize, to: usize) {
    for (from, to) in (start..end).zip(to..) {
        let octet = buffer.get(from).copied().unwrap_or_default();
        if let Some(place) = buffer.get_mut(to) {
            *place = octet;
        }
    }
}

/// Exchanges `start..middle` of `buffer` and `middle..end`.
pub(crate) fn rotate(buffer: &mut [u8], start: usize, middle: usize, end: usize) {
    for span in [start..middle, middle..end, start..end] {
        let mut octets = buffer.get_mut(span).unwrap_or_default();
        while let [first, rest @ .., last] = octets {
            core::mem::swap(first, last);
            octets = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(window: &mut Window<'_>, bytes: &[u8]) {
        window.free()[..bytes.len()].copy_from_slice(bytes);
        window.fill(bytes.len());
    }

    #[test]
    fn unread_octets_move_only_when_room_ends() {
        let (mut buffer, mut span) = ([0; 8], Span::default());
        let mut window = Window::new(&mut buffer, &mut span);
        read(&mut window, b"abcdef");
        window.consume(4);
        assert_eq!(window.free().len(), 2);
        read(&mut window, b"gh");
        assert_eq!(window.unread(), b"efgh");
        assert_eq!(window.free().len(), 4);
        assert_eq!(window.unread(), b"efgh");
        window.consume(9);
        assert_eq!(window.unread(), b"");
        assert_eq!(window.free().len(), 8);
    }

    #[test]
    fn kept_octets_join_up_and_stay() {
        let (mut buffer, mut span) = ([0; 10], Span::default());
        let mut window = Window::new(&mut buffer, &mut span);
        read(&mut window, b"2:ab1:c!");
        window.keep(2, 2);
        window.keep(2, 1);
        assert_eq!((window.unread(), window.room_within(99)), (&b"!"[..], 7));
        window.compact();
        assert_eq!(window.free().len(), 6);
        window.consume(1);
        assert_eq!(window.free().len(), 7);
        assert_eq!(window.kept(), b"abc");
    }

    #[test]
    fn octets_move_down_on_every_target_alike() {
        for (start, end, to) in [(0, 8, 0), (2, 8, 0), (5, 7, 1), (3, 3, 0), (7, 8, 6)] {
            let (mut buffer, mut expected) = (*b"abcdefgh", *b"abcdefgh");
            copy_each(&mut buffer, start, end, to);
            expected.copy_within(start..end, to);
            assert_eq!(buffer, expected, "{start}..{end} to {to}");
        }
    }
}
