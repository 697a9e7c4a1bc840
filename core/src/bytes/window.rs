//! A receive window: octets that arrived and were not consumed yet, over the caller's buffer.

use core::cell::Cell;

use super::span::Span;

/// A buffer and the span of it that is unread. Reading appends at the end; consuming takes from
/// the start. The span outlives the window, so that who lends the buffer finds what is left.
///
/// Counts of octets to take are of octets that are there: their sums can't overflow.
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
        self.buffer.get(self.span.start..self.span.end).unwrap_or_default()
    }

    /// Takes `count` octets from the start, all there are at most.
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

    /// Takes `skipped` octets from the start and moves the `count` after them behind those that
    /// are kept already, to be kept too.
    pub fn keep(&mut self, skipped: usize, count: usize) {
        let from = self.span.start + skipped;
        copy_down(self.buffer, from, self.span.end.min(from + count), self.kept);
        self.kept += count;
        self.consume(skipped + count);
    }

    /// Octets that could be kept besides those that are, when that may be `limit` at most.
    pub fn room_within(&self, limit: usize) -> usize {
        limit.min(self.buffer.len()).saturating_sub(self.kept)
    }

    /// Where to read into: what is free after the last unread octet. The unread octets move to the
    /// front when there is no room behind them. Empty only when the window is full.
    pub fn free(&mut self) -> &mut [u8] {
        if self.span.end == self.buffer.len() && self.span.start > self.kept {
            self.compact();
        }
        self.buffer.get_mut(self.span.end..).unwrap_or_default()
    }

    /// Says that `count` octets were read into what [`free`](Self::free) returned.
    pub fn fill(&mut self, count: usize) {
        self.span.end = self.span.end.saturating_add(count).min(self.buffer.len());
    }

    /// Moves the unread octets to the front.
    pub fn compact(&mut self) {
        let Span { start, end } = *self.span;
        copy_down(self.buffer, start, end, self.kept);
        *self.span = Span { start: self.kept, end: self.kept + (end - start) };
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
        // `memmove` alone would weigh more than the loop does by far.
        let cells = Cell::from_mut(buffer).as_slice_of_cells();
        for (to, from) in cells.iter().skip(to).zip(cells.iter().take(end).skip(start)) {
            to.set(from.get());
        }
    }
}

/// Copies `start..end` of `buffer` up to `to`.
pub(crate) fn copy_up(buffer: &mut [u8], start: usize, end: usize, to: usize) {
    let cells = Cell::from_mut(buffer).as_slice_of_cells();
    let (Some(from), Some(to)) = (cells.get(start..end), cells.get(to..)) else { return };
    for (to, from) in to.iter().zip(from).rev() {
        to.set(from.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_copied_over_themselves() {
        let mut buffer = *b"abcdef";
        copy_up(&mut buffer, 0, 4, 2);
        assert_eq!(&buffer, b"ababcd");
        copy_down(&mut buffer, 2, 6, 1);
        assert_eq!(&buffer, b"aabcdd");
        copy_up(&mut buffer, 3, 9, 4);
        assert_eq!(&buffer, b"aabcdd");
    }

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
}
