//! One connection without I/O: requests in, replies out, and whether it goes on.

use super::decode::{Decoded, Decoder};
use super::encode::{Date, EmitError, Length, Sending};
use super::length::body_length;
use super::limits::Limits;
use crate::bytes::class::is_tchar;
use crate::bytes::cursor::Cursor;
use crate::grammar::date::UnixTime;
use crate::message::facts::Expect;
use crate::message::{FieldEntry, Head, HeadReader, ParseError, Status, Version};

/// Empty lines that may stand before a request-line (RFC 9112 §2.2 asks for one at least).
const MAX_EMPTY_LINES: u8 = 16;

/// The server's end of one HTTP/1.1 connection.
///
/// Octets that arrive go through [`receive`](Self::receive), which says how many of them it is done
/// with and what they mean. Octets to be sent come out of the `emit_` methods, which say how many
/// they wrote. When the reply is whole, [`next_request`](Self::next_request) says whether another
/// may follow. Nothing here allocates, panics, or knows about sockets and clocks.
///
/// # Examples
/// One exchange, in octets: a POST of five in two chunks, answered by two.
/// ```
/// use thimble_core::framing::{Connection, Event, Length, Limits};
/// use thimble_core::message::{Method, ParseError, Status};
///
/// let mut connection = Connection::new(Limits::DESKTOP);
/// let input = b"POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
///     2\r\n19\r\n3\r\n+23\r\n0\r\n\r\n";
///
/// // The head is not whole yet: nothing is consumed, and the same octets come again with more.
/// let received = connection.receive(&input[..40])?;
/// assert!(matches!(received.event, Event::More));
/// assert_eq!(received.consumed, 0);
///
/// let received = connection.receive(input)?;
/// let Event::Head(head) = received.event else { panic!() };
/// assert_eq!((head.method(), head.target().path()), (Method::Post, "/sum"));
/// assert_eq!(received.consumed, 59);
///
/// let mut rest = &input[received.consumed..];
/// let mut content = Vec::new();
/// loop {
///     let received = connection.receive(rest)?;
///     rest = &rest[received.consumed..];
///     match received.event {
///         Event::Content(piece) => content.extend_from_slice(piece),
///         Event::Complete => break,
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!((&content[..], rest.len()), (&b"19+23"[..], 0));
///
/// let mut output = [0; 128];
/// let mut end = connection.emit_status(Status::OK, None, &mut output)?;
/// end += connection.emit_field("Content-Type", b"text/plain", &mut output[end..])?;
/// end += connection.emit_end_of_head(Length::Exact(2), &mut output[end..])?;
/// let (consumed, produced) = connection.emit_content(b"42", &mut output[end..])?;
/// end += produced;
/// end += connection.emit_end(&mut output[end..])?;
/// assert_eq!((consumed, produced, end), (2, 2, 66));
/// assert_eq!(
///     &output[..end],
///     b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n42",
/// );
/// assert!(connection.next_request());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connection {
    receiving: Receiving,
    sending: Sending,
}

/// The half of a connection that takes requests.
#[derive(Clone, Debug)]
pub struct Receiving {
    next: Next,
    limits: Limits,
}

/// What comes next in the request.
///
/// ```text
/// Head --> Content --> (next_request) --> Head
///   `---------`-- any ParseError --> Nothing
/// ```
#[derive(Clone, Debug)]
enum Next {
    Head { reader: HeadReader, empty_lines: u8 },
    Content(Decoder),
    Nothing,
}

impl Next {
    fn head() -> Self {
        Self::Head { reader: HeadReader::default(), empty_lines: 0 }
    }
}

/// What octets were found to be, and how many of them are done with.
#[derive(Clone, Copy, Debug)]
pub struct Received<'i> {
    /// Octets of the input that must not be passed again.
    pub consumed: usize,
    /// What they are.
    pub event: Event<'i>,
}

/// What octets mean.
#[derive(Clone, Copy, Debug)]
pub enum Event<'i> {
    /// They are not whole: come again with what was not consumed, and more behind it.
    More,
    /// A request head.
    Head(Head<'i>),
    /// Some of the content, decoded. Never empty.
    Content(&'i [u8]),
    /// The request is complete. What follows belongs to the next one.
    Complete,
}

/// Where a head stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadSpan {
    /// Octets of empty lines before it, to be dropped.
    pub(crate) skipped: usize,
    /// Its octets after those, once it is whole.
    pub(crate) length: Option<usize>,
}

impl Connection {
    /// A new connection, on which nothing was received yet.
    pub fn new(limits: Limits) -> Self {
        Self { receiving: Receiving { next: Next::head(), limits }, sending: Sending::new() }
    }

    /// Finds out what `input`, the octets that follow those consumed before, means.
    ///
    /// # Errors
    /// What the client did wrong. The request can't be read any further: answer it (with
    /// [`ParseError::refusal`]), then close.
    ///
    /// # Complexity
    /// Linear in the octets that are new, also when they come one by one.
    pub fn receive<'i>(&mut self, input: &'i [u8]) -> Result<Received<'i>, ParseError> {
        match &self.receiving.next {
            Next::Head { .. } => {
                let HeadSpan { skipped, length } = self.find_head(input, &mut [])?;
                let rest = input.get(skipped..).unwrap_or_default();
                let Some((head, _)) = length.and_then(|length| rest.split_at_checked(length))
                else {
                    return Ok(Received { consumed: skipped, event: Event::More });
                };
                let parsed = self.head(head, &[]);
                let event = Event::Head(*self.accept(head, &parsed)?);
                Ok(Received { consumed: skipped + head.len(), event })
            }
            Next::Content(_) | Next::Nothing => {
                let decoded = self.receiving.decode(input).inspect_err(|_| self.sending.close())?;
                let consumed = decoded.framing + decoded.content;
                let event = match input.get(decoded.framing..consumed) {
                    Some(content @ [_, ..]) => Event::Content(content),
                    _ if self.receiving.is_complete() => Event::Complete,
                    _ => Event::More,
                };
                Ok(Received { consumed, event })
            }
        }
    }

    /// Says that no octet will follow: the client shut its sending side. It still reads replies.
    ///
    /// `unread` is what was received and not consumed.
    ///
    /// # Errors
    /// [`ParseError::TruncatedHead`] or [`ParseError::TruncatedContent`], when the request is not
    /// complete (RFC 9112 §8).
    pub fn receive_end(&mut self, unread: &[u8]) -> Result<(), ParseError> {
        match &self.receiving.next {
            Next::Head { .. } if !unread.is_empty() => {
                self.refuse_head(unread);
                Err(ParseError::TruncatedHead)
            }
            Next::Content(decoder) if !decoder.is_complete() => {
                self.receiving.next = Next::Nothing;
                self.sending.close();
                Err(ParseError::TruncatedContent)
            }
            _ => Ok(()),
        }
    }

    /// Gives up a head of which `received` has arrived.
    pub(crate) fn refuse_head(&mut self, received: &[u8]) {
        self.receiving.next = Next::Nothing;
        self.sending.refuse(received);
    }

    /// Looks for a head at the start of `input`.
    ///
    /// Its field lines are entered into `table`, as far as there is room.
    pub(crate) fn find_head(
        &mut self,
        input: &[u8],
        table: &mut [FieldEntry],
    ) -> Result<HeadSpan, ParseError> {
        self.receiving.find_head(input, table).inspect_err(|_| self.refuse_head(input))
    }

    /// The whole head that was found, where its parts stand. Its caller keeps it, and has it
    /// [accepted](Self::accept) there: it is large to copy.
    pub(crate) fn head<'h>(
        &self,
        octets: &'h [u8],
        table: &'h [FieldEntry],
    ) -> Result<Head<'h>, ParseError> {
        match &self.receiving.next {
            Next::Head { reader, .. } => Head::new(octets, reader, table),
            Next::Content { .. } | Next::Nothing => Err(ParseError::TruncatedHead),
        }
    }

    /// Takes a head, which is all of `octets`: what it says decides how content and reply are framed.
    #[inline(never)]
    pub(crate) fn accept<'a, 'h>(
        &mut self,
        octets: &[u8],
        head: &'a Result<Head<'h>, ParseError>,
    ) -> Result<&'a Head<'h>, ParseError> {
        let accepted = head.as_ref().map_err(|error| *error);
        let accepted = accepted.and_then(|head| self.frame(head).map(|()| head));
        accepted.inspect_err(|_| self.refuse_head(octets))
    }

    /// Makes ready for the content of a request, and for the reply to it.
    fn frame(&mut self, head: &Head<'_>) -> Result<(), ParseError> {
        let decoder = Decoder::new(body_length(head.facts(), head.version())?);
        // In HTTP/1.0 an expectation must be ignored (RFC 9110 §10.1.1).
        let expect = match (head.facts().expect, head.version()) {
            (_, Version::Http10) | (Expect::Nothing, _) => false,
            (Expect::Continue, _) => true,
            (Expect::Unknown, _) => return Err(ParseError::Expectation),
        };
        self.sending.answer(head, expect && !decoder.is_complete());
        self.receiving.next = Next::Content(decoder);
        Ok(())
    }

    /// Octets of the request-target, when the request-line was read and its head not yet accepted.
    pub(crate) fn target_length(&self) -> usize {
        match &self.receiving.next {
            Next::Head { reader, .. } => reader.target_length(),
            _ => 0,
        }
    }

    /// Both halves, to be used at the same time.
    pub(crate) const fn halves(&mut self) -> (&mut Receiving, &mut Sending) {
        (&mut self.receiving, &mut self.sending)
    }

    /// The half that emits replies: how far it is, and with which status.
    pub const fn sending(&self) -> &Sending {
        &self.sending
    }

    /// Makes the next reply the last one of this connection, and say so.
    pub const fn close(&mut self) {
        self.sending.close();
    }

    /// Emits `100 Continue`, if the client waits for it before it sends the content. Returns the
    /// octets written to `output`, 0 if it doesn't.
    pub fn emit_continue(&mut self, output: &mut [u8]) -> Result<usize, EmitError> {
        emit(output, |output| self.sending.emit_continue(output).map(drop))
    }

    /// Emits the status-line of the final reply, and Date when `now` is known. Returns the octets
    /// written to `output`.
    ///
    /// A request whose content is not complete by then makes this the last reply, if the client
    /// still waits for 100 (Continue), or is known to have more to send than the limit `drain`.
    pub fn emit_status(
        &mut self,
        status: Status,
        now: Option<UnixTime>,
        output: &mut [u8],
    ) -> Result<usize, EmitError> {
        self.sending.close_unless_drainable(&self.receiving);
        emit(output, |output| self.sending.emit_status(status, now.map(Date::from), output))
    }

    /// Emits a field line. Returns the octets written to `output`.
    ///
    /// # Errors
    /// [`EmitError::Field`] and [`EmitError::FramingField`]: no value can end its line early, and
    /// no field can contradict the framing.
    pub fn emit_field(
        &mut self,
        name: &str,
        value: &[u8],
        output: &mut [u8],
    ) -> Result<usize, EmitError> {
        emit(output, |output| self.sending.emit_field(name, &[value], output))
    }

    /// Emits the fields that frame content of `length`, and the end of the head. Returns the octets
    /// written to `output`.
    pub fn emit_end_of_head(
        &mut self,
        length: Length,
        output: &mut [u8],
    ) -> Result<usize, EmitError> {
        emit(output, |output| self.sending.emit_end_of_head(length, output))
    }

    /// Emits content, as much as `output` has room for (9 octets at least, if it is chunked).
    /// Returns how many octets of `content` went, and how many were written to `output`.
    ///
    /// # Errors
    /// [`EmitError::Length`] when it is more than was declared.
    pub fn emit_content(
        &mut self,
        content: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize), EmitError> {
        let mut consumed = 0;
        let produced = emit(output, |output| {
            consumed = self.sending.emit_content(content, output)?;
            Ok(())
        })?;
        Ok((consumed, produced))
    }

    /// Emits what ends the content. Returns the octets written to `output`.
    ///
    /// # Errors
    /// [`EmitError::Length`] when it is less than was declared: cut the connection.
    pub fn emit_end(&mut self, output: &mut [u8]) -> Result<usize, EmitError> {
        emit(output, |output| {
            output.push(self.sending.end()?);
            Ok(())
        })
    }

    /// Whether the connection goes on: if so, [`receive`](Self::receive) takes the next request.
    /// Otherwise shut the sending side, and read on for a little while, so that the client gets to
    /// read the reply (RFC 9112 §9.6).
    ///
    /// To be asked when the reply is whole, and the request too: receive and drop what nobody
    /// wanted.
    pub fn next_request(&mut self) -> bool {
        let goes_on = self.renew();
        if !goes_on {
            self.receiving.next = Next::Nothing;
        }
        goes_on
    }

    /// [`next_request`](Self::next_request), which may be asked again when more of the request was
    /// read.
    pub(crate) fn renew(&mut self) -> bool {
        let goes_on =
            self.is_all_read() && self.sending.is_complete() && self.sending.is_persistent();
        if goes_on {
            self.receiving.next = Next::head();
        }
        goes_on
    }

    /// Whether the request was read to its end.
    pub(crate) fn is_all_read(&self) -> bool {
        self.receiving.is_complete()
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.receiving.limits
    }
}

impl Receiving {
    fn find_head(
        &mut self,
        input: &[u8],
        table: &mut [FieldEntry],
    ) -> Result<HeadSpan, ParseError> {
        let Next::Head { reader, empty_lines } = &mut self.next else {
            return Ok(HeadSpan { skipped: 0, length: None });
        };
        let mut rest = input;
        let result = loop {
            match rest {
                [b'\r', b'\n', after @ ..] => {
                    *empty_lines += 1;
                    if *empty_lines > MAX_EMPTY_LINES {
                        break Err(ParseError::EmptyLines);
                    }
                    rest = after;
                }
                [] | [b'\r'] => break Ok(None),
                [b'\r' | b'\n', ..] => break Err(ParseError::Octet),
                // Nothing that begins like this becomes a request: say so without waiting for
                // its end. It may be TLS.
                [first, ..] if !is_tchar(*first) => break Err(ParseError::Method),
                _ => break reader.resume(rest, &self.limits.head(), table),
            }
        };
        let skipped = input.len() - rest.len();
        result.map(|length| HeadSpan { skipped, length })
    }

    /// Finds the next content in `input`.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<Decoded, ParseError> {
        match &mut self.next {
            Next::Content(decoder) => {
                decoder.decode(input, &self.limits).inspect_err(|_| self.next = Next::Nothing)
            }
            Next::Head { .. } | Next::Nothing => Ok(Decoded::default()),
        }
    }

    /// Gives the request up: what still comes of it won't be understood.
    pub(crate) fn give_up(&mut self) {
        self.next = Next::Nothing;
    }

    /// Whether the whole request went through.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(&self.next, Next::Content(decoder) if decoder.is_complete())
    }

    /// Octets of content that are sure to come still, at least.
    pub(crate) fn announced(&self) -> usize {
        match &self.next {
            Next::Content(decoder) => decoder.announced(),
            Next::Head { .. } | Next::Nothing => 0,
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether what is still to come may be read and thrown away, as far as one can know: of chunks
    /// that have not begun nothing is known, and it must not matter how many of them are here
    /// already.
    pub(crate) fn is_drainable(&self) -> bool {
        match &self.next {
            Next::Content(decoder) => decoder.announced() <= self.limits.drain,
            Next::Head { .. } | Next::Nothing => false,
        }
    }
}

fn emit(
    output: &mut [u8],
    emit: impl FnOnce(&mut Cursor<'_>) -> Result<(), EmitError>,
) -> Result<usize, EmitError> {
    let mut cursor = Cursor::new(output);
    emit(&mut cursor)?;
    Ok(cursor.written()?)
}
