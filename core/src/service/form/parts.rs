//! The parts of a multipart form, in the octets that the receive buffer holds.

use super::delimiter::{Delimiters, Event};
use super::part::PartHead;
use crate::bytes::ascii::as_str;
use crate::bytes::span::Span;
use crate::bytes::window::copy_down;
use crate::message::{Refusal, Status};
use crate::server::{Body, Receive};

const HEAD_TOO_LARGE: &Refusal =
    &Refusal::new(Status::CONTENT_TOO_LARGE, "a part of the form has too many or too long fields");
const TOO_MANY: &Refusal =
    &Refusal::new(Status::CONTENT_TOO_LARGE, "the form has more parts than are accepted");
const CHARSET: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "only forms in UTF-8 are accepted, as _charset_ has to say");

/// Finds parts in the content of a request.
///
/// The receive buffer holds, from its front: what the caller keeps; the head of the part, which is
/// moved there in pieces, so that it is whole when it is parsed; and the piece of the content that was
/// taken and not looked at yet. More is read when there is nothing left of that.
#[derive(Debug)]
pub(super) struct Parts<'c, R> {
    pub(super) body: Body<'c, R>,
    delimiters: Delimiters<'c>,
    /// Where content stands that was not looked at yet.
    piece: Span,
    /// Octets at the front of the buffer that are kept.
    kept: usize,
    /// How many of those stand before the head of this part.
    before_head: usize,
    /// Octets that may still come, and heads of parts that may.
    octets_left: usize,
    heads_left: usize,
    /// What the head of this part says, as positions in the buffer.
    head: PartHead,
    /// How many octets of the name of the only charset this part's content was found to be so far, if it
    /// has to be that.
    charset: Option<usize>,
}

impl<'c, R: Receive> Parts<'c, R> {
    pub(super) const fn new(body: Body<'c, R>, delimiters: Delimiters<'c>) -> Self {
        let limits = body.receiver().limits();
        let (octets_left, heads_left) = (limits.multipart, limits.parts);
        Self {
            body,
            delimiters,
            piece: Span { start: 0, end: 0 },
            kept: 0,
            before_head: 0,
            octets_left,
            heads_left,
            head: PartHead::NONE,
            charset: None,
        }
    }

    /// What comes next; `None` when more has to be read first. The content of a part stands before
    /// [what was not looked at](Self::last) yet. Lines of heads are dealt with here;
    /// [`Close`](Event::Close) is told once the whole content was read, and every time then.
    ///
    /// # Errors
    /// The answer to content that is malformed, or more than is accepted.
    pub(super) fn next(&mut self) -> Result<Option<Event<'c>>, &'static Refusal> {
        loop {
            let input = self.piece.of(self.body.octets());
            let (consumed, event) = self.delimiters.next(input)?;
            self.piece.start += consumed;
            match event {
                Event::More => {
                    // What is held back may have to be kept, too.
                    let kept = self.kept + self.delimiters.held();
                    self.body.window().keep_first(kept);
                    let Some(piece) = self.body.take(self.octets_left)? else { return Ok(None) };
                    if piece.length() == 0 {
                        self.delimiters.end()?;
                        return Ok(Some(Event::Close));
                    }
                    self.octets_left -= piece.length();
                    self.piece = piece;
                }
                // Something may follow, and has to be looked at.
                Event::Close => {}
                Event::Line(length) => {
                    self.make_room(length)?;
                    self.keep(self.last(length));
                }
                Event::LineEnd => {
                    self.make_room(2)?;
                    self.push(b"\r\n");
                }
                Event::HeadEnd => {
                    self.parse_head()?;
                    return Ok(Some(event));
                }
                Event::Content(length) => {
                    let octets = self.last(length).of(self.body.octets());
                    check_charset(&mut self.charset, octets)?;
                    return Ok(Some(event));
                }
                Event::Held(octets) => {
                    check_charset(&mut self.charset, octets)?;
                    return Ok(Some(event));
                }
                Event::PartEnd => {
                    if self.charset.is_some_and(|matched| matched < UTF8.len()) {
                        return Err(CHARSET);
                    }
                    return Ok(Some(event));
                }
            }
        }
    }

    /// Where the last `length` octets stand that were looked at.
    pub(super) const fn last(&self, length: usize) -> Span {
        Span { start: self.piece.start - length, end: self.piece.start }
    }

    /// What the head of the part says.
    pub(super) const fn head(&self) -> PartHead {
        self.head
    }

    /// What the head of the part says that its file is called, if it is one.
    pub(super) fn filename(&self) -> Option<&str> {
        // It was found to be UTF-8.
        self.head.file_name.map(|span| as_str(span.of(self.octets())))
    }

    /// Octets that are kept.
    pub(super) const fn kept(&self) -> usize {
        self.kept
    }

    /// Where the head of the part begins.
    pub(super) const fn before_head(&self) -> usize {
        self.before_head
    }

    /// All octets of the buffer.
    pub(super) const fn octets(&self) -> &[u8] {
        self.body.octets()
    }

    /// Keeps the first `count` octets that are kept, and the head of the next part behind them.
    pub(super) const fn truncate(&mut self, count: usize) {
        (self.kept, self.before_head) = (count, count);
    }

    /// Keeps octets that were looked at, too.
    pub(super) fn keep(&mut self, Span { start, end }: Span) {
        copy_down(self.body.window().octets_mut(), start, end, self.kept);
        self.kept += end - start;
    }

    /// Keeps `octets`, too. Others, at least as many, were taken before them that are not kept.
    pub(super) fn push(&mut self, octets: &[u8]) {
        let end = self.kept + octets.len();
        if let Some(place) = self.body.window().octets_mut().get_mut(self.kept..end) {
            place.copy_from_slice(octets);
        }
        self.kept = end;
    }

    /// Sees that `length` octets may be added to the head of the part.
    fn make_room(&mut self, length: usize) -> Result<(), &'static Refusal> {
        let is_over =
            self.kept - self.before_head + length > self.body.receiver().limits().part_head;
        if is_over { Err(HEAD_TOO_LARGE) } else { Ok(()) }
    }

    fn parse_head(&mut self) -> Result<(), &'static Refusal> {
        self.heads_left = self.heads_left.checked_sub(1).ok_or(TOO_MANY)?;
        let (start, end) = (self.before_head, self.kept);
        let head = self.body.window().octets_mut().get_mut(start..end).unwrap_or_default();
        let parsed = PartHead::parse(head)?;
        let is_charset = parsed.name.of(head) == b"_charset_" && parsed.file_name.is_none();
        self.charset = is_charset.then_some(0);
        self.head = parsed.behind(start);
        Ok(())
    }
}

/// The value that a field with the name `_charset_` has to have (RFC 7578 §4.6).
const UTF8: &[u8] = b"utf-8";

/// Sees that `octets` go on as the name of the charset, if they have to.
fn check_charset(charset: &mut Option<usize>, octets: &[u8]) -> Result<(), &'static Refusal> {
    let Some(matched) = charset else { return Ok(()) };
    let end = *matched + octets.len();
    let goes_on =
        UTF8.get(*matched..end).is_some_and(|expected| expected.eq_ignore_ascii_case(octets));
    *matched = end;
    if goes_on { Ok(()) } else { Err(CHARSET) }
}
