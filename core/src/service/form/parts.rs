//! The parts of a multipart form, in the octets that the receive buffer holds.

use super::delimiter::{Found, MALFORMED, Search};
use super::fields::{CHARSET, NOT_UTF8};
use crate::bytes::ascii::trim_ows_start;
use crate::bytes::span::Span;
use crate::message::Refusal;
use crate::message::line::{Line, line_end};
use crate::server::body::TOO_LARGE;
use crate::server::{Body, Receive};

/// The value that a field with the name `_charset_` has to have (RFC 7578 §4.6).
const UTF8: &[u8] = b"utf-8";

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The head of a part.
    Head,
    /// Content of the part, perhaps none, and whether it is the last of it.
    Content(Span, bool),
    /// The end of the form.
    Close,
}

impl<'c, R: Receive> Parts<'c, R> {
    pub(super) const fn new(body: Body<'c, R>, search: Search<'c>) -> Self {
        let limits = body.receiver().limits();
        let (octets_left, heads_left) = (limits.multipart, limits.parts);
        Self {
            body,
            search,
            state: State::Preamble,
            at: 0,
            ends: [0; 4],
            octets_left,
            heads_left,
            head_left: 0,
        }
    }

    /// What comes next; `None` when more has to be read first. [`Close`](Event::Close) is told once the
    /// whole content was read, and every time then.
    ///
    /// # Errors
    /// The answer to content that is malformed, or more than is accepted.
    pub(super) fn next(&mut self) -> Result<Option<Event>, &'static Refusal> {
        loop {
            let event = self.find()?;
            if event.is_some() {
                return Ok(event);
            }
            let [.., kept] = self.ends;
            self.body.window().close_gap(kept, self.at);
            self.search.next = kept + self.search.next.saturating_sub(self.at);
            self.at = kept;
            match self.body.keep(self.octets_left)? {
                None => return Ok(None),
                Some(0) => {
                    let is_whole = matches!(self.state, State::LastLine | State::Epilogue)
                        && self.body.kept().len() == kept;
                    return if is_whole { Ok(Some(Event::Close)) } else { Err(MALFORMED) };
                }
                Some(count) => self.octets_left -= count,
            }
        }
    }

    /// The same in what is there.
    fn find(&mut self) -> Result<Option<Event>, &'static Refusal> {
        loop {
            let octets = self.body.kept();
            match self.state {
                State::Preamble | State::Content => {
                    let (end, found) = self.search.find(octets)?;
                    let content = Span { start: self.at, end: end.max(self.at) };
                    let (at, state) = match found {
                        Found::Nothing => (content.end, self.state),
                        Found::Part => (self.search.next, State::Line),
                        Found::Close => (self.search.next, State::LastLine),
                    };
                    let (is_content, is_last) =
                        (self.state == State::Content, found != Found::Nothing);
                    if is_content && self.is_charset() {
                        // Nothing of it is told before all of it is there.
                        let octets = content.of(octets);
                        let is_right = octets.eq_ignore_ascii_case(UTF8);
                        if is_last && !is_right || octets.len() > UTF8.len() {
                            return Err(NOT_UTF8);
                        }
                        if !is_last {
                            return Ok(None);
                        }
                    }
                    (self.at, self.state) = (at, state);
                    if is_content && (is_last || content.length() > 0) {
                        return Ok(Some(Event::Content(content, is_last)));
                    }
                    if !is_last {
                        return Ok(None);
                    }
                }
                State::Line | State::LastLine => {
                    let rest = trim_ows_start(octets.get(self.at..).unwrap_or_default());
                    self.at = octets.len() - rest.len();
                    match rest {
                        [] | [b'\r'] => return Ok(None),
                        [b'\r', b'\n', ..] => self.at += 2,
                        _ => return Err(MALFORMED),
                    }
                    self.search.next = self.at;
                    if self.state == State::Line {
                        self.state = State::Head;
                        self.head_left = self.body.receiver().limits().part_head;
                        let [start, ..] = self.ends;
                        self.ends = [start; 4];
                    } else {
                        self.state = State::Epilogue;
                    }
                }
                State::Head => {
                    let found = line_end(octets, self.search.next);
                    let (Line::End(reached) | Line::Partial(reached) | Line::Invalid(reached)) =
                        found;
                    let length = reached - self.at;
                    let left = self.head_left.checked_sub(length + 2);
                    self.search.next = reached;
                    match found {
                        _ if length > 0 && left.is_none() => return Err(TOO_LARGE),
                        Line::Partial(_) => return Ok(None),
                        Line::Invalid(_) => return Err(MALFORMED),
                        Line::End(_) => {}
                    }
                    let line = Span { start: self.at, end: reached };
                    self.at = reached + 2;
                    self.search.restart(self.at);
                    if length == 0 {
                        self.heads_left = self.heads_left.checked_sub(1).ok_or(TOO_LARGE)?;
                        self.state = State::Content;
                        self.end_head()?;
                        return Ok(Some(Event::Head));
                    }
                    self.head_left = left.unwrap_or_default();
                    self.field_line(line)?;
                }
                State::Epilogue => {
                    self.at = octets.len();
                    return Ok(None);
                }
            }
        }
    }

    /// Whether this part has to name the charset of the form.
    fn is_charset(&self) -> bool {
        let [start, name_end, file_name_end, _] = self.ends;
        let name = Span { start, end: name_end };
        name_end == file_name_end && name.of(self.body.kept()) == CHARSET
    }

    /// Whether this part is a file.
    pub(super) const fn is_file(&self) -> bool {
        let [_, name_end, file_name_end, _] = self.ends;
        name_end < file_name_end
    }

    /// What the caller keeps.
    pub(super) fn into_kept(mut self) -> &'c mut [u8] {
        let [.., kept] = self.ends;
        let end = self.body.kept().len();
        self.body.window().close_gap(kept, end);
        self.body.into_kept()
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
