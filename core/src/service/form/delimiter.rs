//! Where the parts of a multipart message begin and end (RFC 2046 §5.1.1), without I/O.

use core::mem;

use crate::bytes::class::BCHARS;
use crate::fast::first_crlf;
use crate::message::{Refusal, Status};

/// Content that ends before its close-delimiter, or whose delimiter lines are malformed.
const MALFORMED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the multipart content is malformed or incomplete");

/// The octets that stand before the boundary in each delimiter.
const CRLF_DASHES: &[u8] = b"\r\n--";

/// The most octets of a boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Finds the parts of a multipart message in octets that arrive in pieces.
///
/// ```abnf
/// multipart-body    = [preamble CRLF] dash-boundary transport-padding CRLF
///                     body-part *encapsulation
///                     close-delimiter transport-padding [CRLF epilogue]
/// dash-boundary     = "--" boundary
/// encapsulation     = delimiter transport-padding CRLF body-part
/// delimiter         = CRLF dash-boundary
/// close-delimiter   = delimiter "--"
/// transport-padding = *LWSP-char                               ; RFC 2046 §5.1.1
/// ```
///
/// A line that begins with the dash-boundary and goes on with anything but padding, CRLF or `--` is
/// content: other readers take it so. Padding that ends in anything but CRLF is malformed, and so is a
/// delimiter with LF alone behind it.
///
/// What may be the beginning of a delimiter is held back, without a buffer: all of it is known.
///
/// # Complexity
/// Linear in the octets, however they are split.
#[derive(Clone, Debug)]
pub struct Delimiters<'b> {
    boundary: &'b [u8],
    state: State,
    /// Whether a part has begun: what stands before the first one is no content.
    in_part: bool,
    given_back: Option<GivenBack>,
    /// Whether the CRLF of the delimiter that may begin is the empty line of a head, or the start of
    /// the message: no content in any case.
    starts: bool,
}

/// Octets that looked like a delimiter, and are content: so many of a delimiter, and perhaps a hyphen.
#[derive(Clone, Copy, Debug)]
struct GivenBack {
    delimiter: usize,
    hyphen: bool,
    /// How many of them were given, or are no content.
    given: usize,
}

/// What stands before the next octet.
///
/// ```text
/// Content --> Delimiter --> DelimiterCr --> LineStart --> LastCr --> Content
///                 |`------> Padding, PaddingCr --^  `---> Line, LineCr --^
///                 `-------> DelimiterDash --> Closing --> Closed, ClosedCr --> Epilogue
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Content, or the preamble; and so many octets of a delimiter.
    Content(usize),
    /// A delimiter.
    Delimiter,
    /// A delimiter and CR.
    DelimiterCr,
    /// A delimiter and a hyphen.
    DelimiterDash,
    /// A delimiter and padding.
    Padding,
    /// A delimiter, padding and CR.
    PaddingCr,
    /// The line of a delimiter, or a field line.
    LineStart,
    /// Some of a field line.
    Line,
    /// A field line but for its LF.
    LineCr,
    /// All field lines, and CR.
    LastCr,
    /// A close-delimiter, which is still to be told.
    Closing,
    /// A close-delimiter, and padding if any.
    Closed,
    /// The same and CR.
    ClosedCr,
    /// All that matters.
    Epilogue,
}

/// What octets were found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// Nothing further in this input: come again with more, or [`end`](Delimiters::end).
    More,
    /// The last so many of the octets that are consumed are some of a field line of a part.
    Line(usize),
    /// A field line ends here, with its CRLF.
    LineEnd,
    /// The empty line that ends the head of a part.
    HeadEnd,
    /// The last so many of the octets that are consumed are some of the content of a part. Never
    /// none.
    Content(usize),
    /// These octets, which were consumed before, are some of the content of a part: they looked like a
    /// delimiter.
    Held(&'b [u8]),
    /// The end of a part.
    PartEnd,
    /// The close-delimiter: what follows is ignored.
    Close,
}

impl<'b> Delimiters<'b> {
    /// For the value of the parameter `boundary`; `None` if it can't be one.
    ///
    /// ```abnf
    /// boundary      = 0*69bchars bcharsnospace
    /// bchars        = bcharsnospace / " "
    /// bcharsnospace = DIGIT / ALPHA / "'" / "(" / ")" / "+" / "_" / "," / "-" / "."
    ///               / "/" / ":" / "=" / "?"                      ; RFC 2046 §5.1.1
    /// ```
    pub fn new(boundary: &'b [u8]) -> Option<Self> {
        let is_one = (1..=MAX_BOUNDARY).contains(&boundary.len())
            && boundary.iter().all(|&octet| BCHARS.contains(octet))
            && boundary.last() != Some(&b' ');
        // At the very start, the CRLF before the dash-boundary is left out.
        let state = State::Content(2);
        is_one.then_some(Self { boundary, state, in_part: false, given_back: None, starts: true })
    }

    /// What the start of `input` is, which follows what was consumed before. Returns how many octets
    /// of it are consumed; those must not be passed again.
    ///
    /// # Errors
    /// The answer to content that is malformed.
    pub fn next(&mut self, input: &[u8]) -> Result<(usize, Event<'b>), &'static Refusal> {
        let mut consumed = 0;
        loop {
            if let Some(piece) = self.given_back() {
                return Ok((consumed, Event::Held(piece)));
            }
            if self.state == State::Closing {
                self.state = State::Closed;
                return Ok((consumed, Event::Close));
            }
            let rest = input.get(consumed..).unwrap_or_default();
            let Some(&octet) = rest.first() else { return Ok((consumed, Event::More)) };
            consumed += 1;
            self.state = match (self.state, octet) {
                (State::Content(0), b'\r') => State::Content(1),
                (State::Content(0), _) => {
                    let length = self.content(rest);
                    consumed += length - 1;
                    if self.in_part {
                        return Ok((consumed, Event::Content(length)));
                    }
                    State::Content(0)
                }
                (State::Content(matched), _) if self.expects(matched) == Some(octet) => {
                    let is_whole = matched + 1 == self.delimiter();
                    if is_whole { State::Delimiter } else { State::Content(matched + 1) }
                }
                (State::Delimiter, b'-') => State::DelimiterDash,
                (State::Delimiter, b'\r') => State::DelimiterCr,
                (State::Delimiter | State::Padding, b' ' | b'\t') => State::Padding,
                // Others take that for the end of the line.
                (State::Delimiter, b'\n') => return Err(MALFORMED),
                (State::Padding, b'\r') => State::PaddingCr,
                (State::DelimiterCr | State::PaddingCr, b'\n') => {
                    let ends_a_part = self.in_part;
                    (self.in_part, self.state) = (true, State::LineStart);
                    if ends_a_part {
                        return Ok((consumed, Event::PartEnd));
                    }
                    self.state
                }
                (State::DelimiterDash, b'-') => {
                    self.state = State::Closing;
                    if self.in_part {
                        return Ok((consumed, Event::PartEnd));
                    }
                    self.state
                }
                // It only looked like a delimiter. The octet that tells begins anew, since none but
                // the first of a delimiter is a CR.
                (State::Content(_) | State::Delimiter | State::DelimiterDash, _) => {
                    consumed -= 1;
                    self.give_back()
                }
                (State::DelimiterCr, _) => {
                    consumed -= 1;
                    self.give_back();
                    State::Content(1)
                }
                (State::LineStart, b'\r') => State::LastCr,
                (State::LastCr, b'\n') => {
                    // The content may be missing with its CRLF (RFC 2046 §5.1.1, `body-part`).
                    (self.state, self.starts) = (State::Content(2), true);
                    return Ok((consumed, Event::HeadEnd));
                }
                (State::LineStart | State::Line, _) if octet != b'\n' => {
                    let end = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
                    let length = end.unwrap_or(rest.len());
                    if length == 0 {
                        State::LineCr
                    } else {
                        consumed += length - 1;
                        self.state = State::Line;
                        return Ok((consumed, Event::Line(length)));
                    }
                }
                (State::LineCr, b'\n') => {
                    self.state = State::LineStart;
                    return Ok((consumed, Event::LineEnd));
                }
                (State::Closed, b' ' | b'\t') => State::Closed,
                (State::Closed, b'\r') => State::ClosedCr,
                (State::ClosedCr, b'\n') => State::Epilogue,
                (State::Epilogue, _) => return Ok((input.len(), Event::More)),
                _ => return Err(MALFORMED),
            };
        }
    }

    /// Says that no more input follows.
    ///
    /// # Errors
    /// The answer to content without its close-delimiter.
    pub const fn end(&self) -> Result<(), &'static Refusal> {
        match self.state {
            State::Closed | State::Epilogue => Ok(()),
            _ => Err(MALFORMED),
        }
    }

    /// Octets of a delimiter.
    const fn delimiter(&self) -> usize {
        CRLF_DASHES.len() + self.boundary.len()
    }

    /// Octets that were consumed and not told of yet: as many may still be told of as
    /// [`Held`](Event::Held), or as the end of a line.
    pub const fn held(&self) -> usize {
        match self.state {
            State::LineCr => 1,
            _ if !self.in_part => 0,
            State::Content(matched) => matched,
            State::Delimiter => self.delimiter(),
            State::DelimiterCr | State::DelimiterDash | State::Padding | State::PaddingCr => {
                self.delimiter() + 1
            }
            _ => 0,
        }
    }

    /// Octets at the start of `input` that are content for sure. What begins like a delimiter and goes
    /// on otherwise is content, too, and divides nothing.
    fn content(&self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = input.get(at..)
            && let Some(found) = first_crlf(rest)
        {
            at += found;
            let found = input.get(at..).unwrap_or_default();
            let delimiter = CRLF_DASHES.iter().chain(self.boundary);
            if found.iter().zip(delimiter).all(|(octet, expected)| octet == expected) {
                return at;
            }
            at += 1;
        }
        input.len()
    }

    /// The octet of a delimiter after `matched` others.
    fn expects(&self, matched: usize) -> Option<u8> {
        let after = matched.checked_sub(CRLF_DASHES.len());
        let octet = match after {
            Some(after) => self.boundary.get(after),
            None => CRLF_DASHES.get(matched),
        };
        octet.copied()
    }

    /// Turns what was held back into content, if it belongs to a part. Returns what it stands before.
    fn give_back(&mut self) -> State {
        let whole = self.delimiter();
        let (delimiter, hyphen) = match self.state {
            State::Content(matched) => (matched, false),
            State::DelimiterDash => (whole, true),
            _ => (whole, false),
        };
        let given = if mem::take(&mut self.starts) { 2 } else { 0 };
        if self.in_part {
            self.given_back = Some(GivenBack { delimiter, hyphen, given });
        }
        State::Content(0)
    }

    /// The next piece of what was given back.
    fn given_back(&mut self) -> Option<&'b [u8]> {
        let back = self.given_back.as_mut()?;
        let start = CRLF_DASHES.get(..back.delimiter).unwrap_or(CRLF_DASHES);
        let boundary = self.boundary.get(..back.delimiter - start.len()).unwrap_or_default();
        let hyphen: &[u8] = if back.hyphen { b"-" } else { b"" };
        let pieces: [&'b [u8]; 3] = [start, boundary, hyphen];
        let mut before = 0;
        for piece in pieces {
            let rest = piece.get(back.given.saturating_sub(before)..).unwrap_or_default();
            before += piece.len();
            if !rest.is_empty() {
                back.given = before;
                return Some(rest);
            }
        }
        self.given_back = None;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// What a reader of `content` in pieces of `size` octets sees: heads in brackets, then content.
    fn parts(content: &[u8], boundary: &str, size: usize) -> Result<Vec<String>, u16> {
        let mut delimiters = Delimiters::new(boundary.as_bytes()).ok_or(0u16)?;
        let (mut parts, mut part, mut is_open) = (Vec::new(), Vec::new(), false);
        let mut closed = false;
        for piece in content.chunks(size.max(1)) {
            let mut rest = piece;
            loop {
                let (consumed, event) =
                    delimiters.next(rest).map_err(|refusal| refusal.status.code())?;
                let last = |length| &rest[consumed - length..consumed];
                match event {
                    Event::More => {
                        assert!(consumed == rest.len());
                        break;
                    }
                    Event::Line(length) => part.extend_from_slice(last(length)),
                    Event::LineEnd => part.extend_from_slice(b"\r\n"),
                    Event::HeadEnd => {
                        is_open = true;
                        part.push(b'|');
                    }
                    Event::Content(length) => {
                        assert!(is_open && length > 0);
                        part.extend_from_slice(last(length));
                    }
                    Event::Held(octets) => {
                        assert!(is_open && !octets.is_empty());
                        part.extend_from_slice(octets);
                    }
                    Event::PartEnd => {
                        assert!(std::mem::take(&mut is_open));
                        let whole = std::mem::take(&mut part);
                        parts.push(String::from_utf8_lossy(&whole).into_owned());
                    }
                    Event::Close => assert!(!std::mem::replace(&mut closed, true)),
                }
                rest = &rest[consumed..];
            }
        }
        delimiters.end().map_err(|refusal| refusal.status.code())?;
        assert!(closed);
        Ok(parts)
    }

    #[test]
    fn parts_are_divided_by_whole_delimiters_only() {
        for (content, expected) in [
            ("--b\r\n\r\n\r\n--b--", Ok(&["|"][..])),
            ("--b\r\nA: 1\r\nB: 2\r\n\r\nx\r\ny\r\n--b--\r\n", Ok(&["A: 1\r\nB: 2\r\n|x\r\ny"])),
            ("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--", Ok(&["|1", "|2"])),
            // A preamble and an epilogue, with what would be delimiters elsewhere.
            ("x--b\r\n--c\r\n--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2", Ok(&["|1"])),
            // Padding.
            ("--b \t\r\n\r\n1\r\n--b \r\n\r\n2\r\n--b-- \t", Ok(&["|1", "|2"])),
            // What only begins like one.
            ("--b\r\n\r\n\r\n\r\r\n-\r\n--\r\n--c\r\n--b", Err(400)),
            (
                "--b\r\n\r\n\r\n\r\r\n-\r\n--\r\n--c\r\n--bb\r\n--b-\r\n--b\r\r\n--b--",
                Ok(&["|\r\n\r\r\n-\r\n--\r\n--c\r\n--bb\r\n--b-\r\n--b\r"]),
            ),
            ("--b\r\n\r\n--b--", Ok(&["|"])),
            ("--b\r\nA: 1\r\n\r\n--b\r\n\r\n--bb--\r\n--b--", Ok(&["A: 1\r\n|", "|--bb--"])),
            ("--b\r\n\r\n-\r\n--b--", Ok(&["|-"])),
            ("--b\r\n\r\n\n--b\r\n--b--", Ok(&["|\n--b"])),
            // Nothing, and too little.
            ("--b--", Ok(&[])),
            ("", Err(400)),
            ("--b\r\n", Err(400)),
            ("--b\r\n\r\n1", Err(400)),
            ("--b\r\n\r\n1\r\n--b", Err(400)),
            ("--b\r\n\r\n1\r\n--b-", Err(400)),
            ("--b\r\n\r\n1\r\n--b--\r", Err(400)),
            ("--c--", Err(400)),
            // Lines that end in something else.
            ("--b \n\n1\r\n--b--", Err(400)),
            ("--b\n\n1\n--b--", Err(400)),
            ("--b\r\n\r\n1\r\n--b\n\r\n--b--", Err(400)),
            ("--b x\r\n\r\n1\r\n--b--", Err(400)),
            ("--b\r\nA: 1\n\r\n1\r\n--b--", Err(400)),
            ("--b\r\nA: 1\r\r\n1\r\n--b--", Err(400)),
            ("--b\r\n\r1\r\n--b--", Err(400)),
            ("--b\r\n\r\n1\r\n--b--x", Err(400)),
        ] {
            for size in 1..=content.len().max(1) {
                let found = parts(content.as_bytes(), "b", size);
                let expected =
                    expected.map(|parts| parts.iter().map(|&part| part.into()).collect());
                assert_eq!(found, expected, "{content:?} by {size}");
            }
        }
    }

    #[test]
    fn boundaries_are_of_their_characters_and_length() {
        let longest = "b".repeat(70);
        for good in ["b", "----WebKitFormBoundaryAbC", "a b", "'()+_,-./:=?", &longest] {
            assert!(Delimiters::new(good.as_bytes()).is_some(), "{good}");
            let content = std::format!("--{good}\r\n\r\n\r\n--{good}--");
            assert_eq!(parts(content.as_bytes(), good, 7), Ok([String::from("|")].to_vec()));
        }
        let too_long = "b".repeat(71);
        for bad in ["", "a ", "a\"", "\u{e9}", "a;b", "a\r\nb", &too_long] {
            assert!(Delimiters::new(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_search_over_the_whole_finds_the_same() {
        // Octets that delimiters are made of, in any order.
        const OCTETS: [&str; 8] = ["\r", "\n", "-", "b", "\r\n--b", "\r\n--bb", "x", "\r\n"];
        let mut random = 1u64;
        for _ in 0..5000 {
            let mut content = String::new();
            for _ in 0..12 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                content.push_str(OCTETS[(random >> 61) as usize]);
            }
            let end = |text: &str| {
                text.match_indices("\r\n--b").map(|(at, _)| at).find(|at| {
                    let after = text.get(at + 5..).unwrap();
                    after.starts_with("\r\n") || after.starts_with("--")
                })
            };
            let message = std::format!("--b\r\n\r\n{content}\r\n--b--");
            let from = "--b\r\n".len();
            let first = end(message.get(from..).unwrap())
                .map(|at| std::format!("|{}", message.get(from + 2..from + at.max(2)).unwrap()));
            for size in [1, 2, 3, 7, 100] {
                match parts(message.as_bytes(), "b", size) {
                    Ok(parts) => assert_eq!(parts.first(), first.as_ref(), "{message:?} by {size}"),
                    Err(status) => assert_eq!(status, 400),
                }
            }
        }
    }
}
