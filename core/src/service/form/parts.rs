//! The parts of a multipart form, in the octets that the receive buffer holds.

use super::delimiter::{Found, MALFORMED, Search};
use super::fields::{CHARSET, NOT_UTF8, Size};
use crate::bytes::ascii::{as_str, trim_ows_start};
use crate::bytes::span::Span;
use crate::message::line::{Line, line_end};
use crate::message::{Refusal, Status};
use crate::server::{Body, Receive};

const HEAD_TOO_LARGE: &Refusal =
    &Refusal::new(Status::CONTENT_TOO_LARGE, "too many parts, or fields of one");

/// Finds parts in the content of a request.
///
/// The receive buffer holds, from its front: what the caller keeps; what the head of the part says, as a
/// [`Form`](super::Form) has it; and content that was not looked at yet, or has to be looked at again.
#[derive(Debug)]
pub(super) struct Parts<'c, R> {
    pub(super) body: Body<'c, R>,
    search: Search<'c>,
    state: State,
    /// Where content stands that is still to be told of.
    at: usize,
    /// Where the content stands that was told of last.
    pub(super) piece: Span,
    /// Where the head of the part begins, and where its name, its file name and its type end.
    pub(super) ends: [usize; 4],
    /// Octets that may still come, heads of parts that may, and octets of this head.
    octets_left: usize,
    heads_left: usize,
    head_left: usize,
}

/// What comes next.
///
/// ```text
/// Preamble --> Line --> Head --> Content --> LastLine --> Epilogue
///     |          ^-----------------'            ^
///     `-----------------------------------------'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
// In one octet, it would be out of reach of short instructions.
#[repr(u32)]
enum State {
    Preamble,
    /// The rest of the line of a delimiter.
    Line,
    /// A field line, or the empty one behind them.
    Head,
    Content,
    /// The rest of the line of the close-delimiter.
    LastLine,
    Epilogue,
    /// Content without parts.
    Whole,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As wide as what else a `Result` may hold, so that both are returned in registers.
#[repr(usize)]
pub(super) enum Event {
    /// Nothing: more has to be read first.
    More,
    /// The head of a part.
    Head,
    /// Some of the content of the part, the [`piece`](Parts::piece).
    Content,
    /// The same, perhaps empty, and the end of the part.
    Last,
    /// The end of the form.
    Close,
}

impl<'c, R: Receive> Parts<'c, R> {
    /// Reads parts by their delimiters; or, without `search`, content that has none.
    pub(super) fn new(mut body: Body<'c, R>, search: Option<Search<'c>>) -> Self {
        let limits = body.limits();
        let (parts, multipart, form) = (limits.parts, limits.multipart, limits.form);
        let (state, octets_left) = match search {
            Some(_) => (State::Preamble, multipart),
            None => (State::Whole, body.window().room_within(form)),
        };
        Self {
            body,
            search: search.unwrap_or_default(),
            state,
            at: 0,
            piece: Span::default(),
            ends: [0; 4],
            octets_left,
            heads_left: parts,
            head_left: 0,
        }
    }

    /// What comes next. [`Close`](Event::Close) is told once the whole content was read, and every time
    /// then.
    ///
    /// # Errors
    /// The answer to content that is malformed, or more than is accepted.
    pub(super) fn next(&mut self) -> Result<Event, &'static Refusal> {
        loop {
            let event = self.find()?;
            if event != Event::More {
                return Ok(event);
            }
            let [.., kept] = self.ends;
            self.body.window().close_gap(kept, self.at);
            self.search.next = kept + self.search.next.saturating_sub(self.at);
            self.at = kept;
            match self.body.keep(self.octets_left)? {
                None => return Ok(Event::More),
                Some(0) => {
                    let is_whole = match self.state {
                        State::LastLine => self.body.kept().len() == kept,
                        state => state >= State::Epilogue,
                    };
                    return if is_whole { Ok(Event::Close) } else { Err(MALFORMED) };
                }
                Some(count) => self.octets_left -= count,
            }
        }
    }

    /// The same in what is there.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn find(&mut self) -> Result<Event, &'static Refusal> {
        loop {
            let octets = self.body.kept();
            match self.state {
                State::Preamble | State::Content => {
                    let found = self.search.find(octets)?;
                    let is_content = self.state == State::Content;
                    self.piece = Span { start: self.at, end: self.search.start().max(self.at) };
                    if is_content && self.is_charset() {
                        // It is told as a whole.
                        if found == Found::Nothing {
                            return Ok(Event::More);
                        }
                        if !self.piece.of(octets).eq_ignore_ascii_case(b"utf-8") {
                            return Err(NOT_UTF8);
                        }
                    }
                    match found {
                        Found::Nothing => {
                            self.at = self.piece.end;
                            let is_some = is_content && self.piece.length() > 0;
                            return Ok(if is_some { Event::Content } else { Event::More });
                        }
                        Found::Part => (self.at, self.state) = (self.search.next, State::Line),
                        Found::Close => {
                            (self.at, self.state) = (self.search.next + 2, State::LastLine);
                        }
                    }
                    if is_content {
                        return Ok(Event::Last);
                    }
                }
                State::Line | State::LastLine => {
                    let rest = trim_ows_start(octets.get(self.at..).unwrap_or_default());
                    self.at = octets.len() - rest.len();
                    match rest {
                        [] | [b'\r'] => return Ok(Event::More),
                        [b'\r', b'\n', ..] => self.at += 2,
                        _ => return Err(MALFORMED),
                    }
                    self.search.next = self.at;
                    if self.state == State::LastLine {
                        self.state = State::Epilogue;
                    } else {
                        self.state = State::Head;
                        self.head_left = self.body.limits().part_head;
                        let [start, ..] = self.ends;
                        self.ends = [start; 4];
                    }
                }
                State::Head => {
                    let found = line_end(octets, self.search.next);
                    let (Line::End(reached) | Line::Partial(reached) | Line::Invalid(reached)) =
                        found;
                    let line = Span { start: self.at, end: reached };
                    let left = self.head_left.checked_sub(line.length() + 2);
                    self.search.next = reached;
                    match found {
                        _ if line.length() > 0 && left.is_none() => return Err(HEAD_TOO_LARGE),
                        Line::Partial(_) => return Ok(Event::More),
                        Line::Invalid(_) => return Err(MALFORMED),
                        Line::End(_) => {}
                    }
                    if line.length() > 0 {
                        // The next line may belong to it.
                        if octets.len() == reached + 2 {
                            return Ok(Event::More);
                        }
                        if self.unfold(reached) {
                            continue;
                        }
                    }
                    self.at = reached + 2;
                    self.search.restart(self.at);
                    if line.length() == 0 {
                        self.heads_left = self.heads_left.checked_sub(1).ok_or(HEAD_TOO_LARGE)?;
                        self.state = State::Content;
                        self.end_head()?;
                        return Ok(Event::Head);
                    }
                    self.head_left = left.unwrap_or_default();
                    self.field_line(line)?;
                }
                State::Epilogue => {
                    self.at = octets.len();
                    return Ok(Event::More);
                }
                State::Whole => return Ok(Event::More),
            }
        }
    }

    /// Joins the line that ends here with the next one, if that goes on with it (RFC 5322 §2.2.3).
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn unfold(&mut self, end: usize) -> bool {
        let rest = self.body.window().kept().get_mut(end..);
        let Some([cr, lf, b' ' | b'\t', ..]) = rest else { return false };
        (*cr, *lf) = (b' ', b' ');
        true
    }

    /// All that is kept: what the caller keeps of parts, or whole content.
    pub(super) fn into_kept(mut self) -> &'c mut [u8] {
        if self.state != State::Whole {
            let [.., kept] = self.ends;
            let end = self.body.kept().len();
            self.body.window().close_gap(kept, end);
        }
        self.body.into_kept()
    }

    /// Whether this part has to name the charset of the form.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn is_charset(&self) -> bool {
        let [start, name_end, ..] = self.ends;
        let name = Span { start, end: name_end };
        !self.is_file() && name.of(self.body.kept()) == CHARSET
    }

    /// Whether this part is a file.
    pub(super) const fn is_file(&self) -> bool {
        let [_, name_end, file_name_end, _] = self.ends;
        name_end < file_name_end
    }

    /// What the head of the part says that its file is called, if it is one.
    pub(super) fn filename(&self) -> Option<&str> {
        let [_, start, end, _] = self.ends;
        self.is_file().then(|| self.text(start, end - size_of::<Size>() - 1))
    }

    /// Some of what the head of the part says.
    pub(super) fn text(&self, start: usize, end: usize) -> &str {
        // It was found to be UTF-8.
        as_str(Span { start, end }.of(self.body.kept()))
    }

    /// Keeps an octet, too. It takes the place of one that was looked at.
    pub(super) fn put(&mut self, octet: u8) {
        let [.., end] = &mut self.ends;
        if let Some(place) = self.body.window().kept().get_mut(*end) {
            *place = octet;
        }
        *end += 1;
    }
}
