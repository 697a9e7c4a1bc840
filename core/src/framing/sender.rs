//! The sending side of a connection: a reply's head field by field, and its content framed as declared.

use super::persistence::is_persistent;
use super::receiver::Receiver;
use crate::bytes::class::{are_field, is_tchar};
use crate::bytes::cursor::{Cursor, Full};
use crate::fast::are_clear;
use crate::grammar::date::{UnixTime, imf_fixdate};
use crate::message::head::after_empty_lines;
use crate::message::word::Word;
use crate::message::{Head, Method, Status, Version};

/// The time of a reply, and the function that formats it: a program without a clock never makes a
/// `Date`, and so doesn't link that function.
#[derive(Clone, Copy, Debug)]
// Without the padding that 64 bits would have before and behind them in all that holds a date.
#[repr(C, packed(4))]
pub struct Date {
    /// The time.
    pub time: UnixTime,
    emit: fn(UnixTime) -> [u8; 29],
}

impl Date {
    /// A date that `emit` formats, as [`imf_fixdate`] does.
    pub const fn new(time: UnixTime, emit: fn(UnixTime) -> [u8; 29]) -> Self {
        Self { time, emit }
    }
}

impl From<UnixTime> for Date {
    #[inline(always)]
    fn from(time: UnixTime) -> Self {
        Self::new(time, imf_fixdate)
    }
}

/// How many octets of content a reply has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Exactly this many octets.
    Exact(u64),
    /// The length is known only at the end: the content is chunked for HTTP/1.1, and goes on until the
    /// connection closes for HTTP/1.0.
    Unknown,
}

/// Why a part of a reply can't be emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
// As wide as what else a `Result` may hold, so that both are returned in registers.
#[repr(usize)]
pub enum EmitError {
    /// The buffer has too little room.
    Full,
    /// The field name is no token, or the field value holds CR, LF, NUL or another control.
    Field,
    /// The field is one that only the sender sets: Connection, Content-Length, Date, Trailer,
    /// Transfer-Encoding, or another that frames the message.
    FramingField,
    /// The reply has a Content-Type already.
    Repeated,
    /// The reply's status allows no content: 204, 205 or 304.
    NoContent,
    /// The content is longer or shorter than declared.
    Length,
    /// The call is out of turn: a field before the status-line, say, or content before the end of the
    /// head.
    Order,
}

impl From<Full> for EmitError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Octets that frame a chunk before its data: four digits of its size and CRLF.
pub const CHUNK_PREFIX: usize = 6;
/// Octets that frame a chunk after its data: CRLF.
pub const CHUNK_SUFFIX: usize = 2;
/// The most data that four digits can announce, in octets.
pub const CHUNK_MAX: usize = 0xffff;
/// The last chunk and the empty trailer section.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The chunk-size line of a chunk of `size` octets, [`CHUNK_MAX`] at most. It always has
/// [`CHUNK_PREFIX`] octets, so that a caller can reserve them before it knows the size.
pub fn chunk_prefix(size: usize) -> [u8; CHUNK_PREFIX] {
    let digit = |shift: u32| {
        let nibble = u8::try_from(size >> shift & 0xf).unwrap_or_default();
        if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
    };
    [digit(12), digit(8), digit(4), digit(0), b'\r', b'\n']
}

/// Emits a status code and its reason phrase.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub(crate) fn push_status(status: Status, output: &mut Cursor<'_>) {
    let code = status.code();
    if cfg!(target_pointer_width = "64") {
        // One store, for a number that has three digits.
        #[expect(clippy::cast_possible_truncation, reason = "each is a digit")]
        let [hundreds, tens, ones] =
            [code / 100, code / 10 % 10, code % 10].map(|digit| b'0' + digit as u8);
        output.push(&[hundreds, tens, ones, b' ']);
    } else {
        output.push_decimal(u64::from(code));
        output.push(b" ");
    }
    output.push(status.reason().as_bytes());
}

/// Whether a field may be called so: not what only framing may say.
pub(crate) fn check_name(name: &str) -> Result<(), EmitError> {
    if name.is_empty() || !name.bytes().all(is_tchar) {
        return Err(EmitError::Field);
    }
    let is_other = |other| name.eq_ignore_ascii_case(other);
    if Word::of(name.as_bytes()).is_of_framing() || is_other("Date") || is_other("Trailer") {
        return Err(EmitError::FramingField);
    }
    Ok(())
}

/// Whether a field may have this in its value: nothing that could end its line early.
pub(crate) fn check_value(part: &[u8]) -> Result<(), EmitError> {
    if are_clear(part) || are_field(part) { Ok(()) } else { Err(EmitError::Field) }
}

/// The sending side of a connection, without I/O. It writes a reply into the caller's buffers, part by
/// part, in this order: the status-line, fields, the end of the head, content, the end of the content.
/// A call out of turn returns [`EmitError::Order`].
#[derive(Clone, Debug)]
// In this order: what is looked at most is where a microcontroller's short instructions reach.
#[repr(C)]
pub struct Sender {
    next: Next,
    version: Version,
    /// The request was HEAD.
    is_head: bool,
    /// Content is counted and left out: the request was HEAD, or the status has none.
    omits_content: bool,
    /// The client waits for 100 (Continue).
    expects_continue: bool,
    persistent: bool,
    has_content_type: bool,
    /// The client said that it sends no other request after this one.
    is_last_request: bool,
    /// No reply went before this one.
    is_first_reply: bool,
    status: Status,
    content: u64,
}

/// What comes next in the reply.
///
/// ```text
/// Status --> Fields --> Content(_) --> Complete
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Status,
    Fields,
    Content(Framing),
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// In front of 64 bits the tag would have as many, and on a microcontroller they take two registers.
#[repr(u32)]
enum Framing {
    Exact(u64),
    Chunked,
    UntilClose,
}

impl Sender {
    /// Ready for the first request of a connection.
    pub(super) const fn new() -> Self {
        Self {
            next: Next::Status,
            version: Version::Http11,
            is_head: false,
            omits_content: false,
            expects_continue: false,
            persistent: false,
            has_content_type: false,
            is_last_request: false,
            is_first_reply: true,
            status: Status::BAD_REQUEST,
            content: 0,
        }
    }

    /// Gets ready to refuse what was never understood: an HTTP/1.1 reply, and then the end.
    /// `received` is what arrived of the request: even a refusal of HEAD has no content.
    pub(super) fn refuse(&mut self, received: &[u8]) {
        self.restart();
        self.version = Version::Http11;
        self.is_head = after_empty_lines(received).starts_with(b"HEAD ");
        self.expects_continue = false;
        self.persistent = false;
        self.is_last_request = false;
    }

    /// Gets ready to answer a request.
    pub(super) fn answer(&mut self, head: &Head<'_>, expects_continue: bool) {
        self.restart();
        self.version = head.version();
        self.is_head = matches!(head.method(), Method::Head);
        self.expects_continue = expects_continue;
        self.persistent = is_persistent(head);
        self.is_last_request = !self.persistent;
    }

    /// The status of the reply, once its status-line was emitted.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Octets of content emitted so far, without the octets of the transfer coding.
    pub const fn content(&self) -> u64 {
        self.content
    }

    /// Whether the whole reply was emitted.
    pub fn is_complete(&self) -> bool {
        matches!(self.next, Next::Complete)
    }

    /// Whether the connection may go on after this reply.
    pub const fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Whether the client said that it sends no other request after this one.
    pub(crate) const fn is_last_request(&self) -> bool {
        self.is_last_request
    }

    /// Whether this is the first reply of the connection.
    pub(crate) const fn is_first_reply(&self) -> bool {
        self.is_first_reply
    }

    /// Gets ready for the next request.
    pub(super) const fn next_request(&mut self) {
        self.is_first_reply = false;
    }

    /// Whether the content is chunked.
    pub const fn is_chunked(&self) -> bool {
        matches!(self.next, Next::Content(Framing::Chunked))
    }

    /// Whether the reply has no content on the wire: the request was HEAD, or the status allows none.
    /// Content that is emitted all the same is counted, and dropped.
    pub const fn omits_content(&self) -> bool {
        self.omits_content
    }

    /// Makes this the last reply of the connection. Its head says `Connection: close`, unless the head
    /// is already emitted.
    pub const fn close(&mut self) {
        self.persistent = false;
    }

    /// Makes this the last reply of the connection, unless the rest of the request can be read and
    /// dropped. It can't when it is longer than the limit `drain`, or when the client still waits for
    /// 100 (Continue), and may or may not send its content.
    pub fn close_unless_drainable(&mut self, receiving: &Receiver) {
        if !receiving.is_drainable() || self.expects_continue {
            self.close();
        }
    }

    /// Begins the reply again. The caller must not have sent any of it.
    pub const fn restart(&mut self) {
        self.next = Next::Status;
        self.has_content_type = false;
        self.content = 0;
    }

    /// Emits `100 Continue`, if the client waits for it (RFC 9110 §15.2.1). Returns whether it was
    /// emitted.
    ///
    /// # Errors
    /// [`EmitError::Full`].
    pub fn emit_continue(&mut self, output: &mut Cursor<'_>) -> Result<bool, EmitError> {
        if !self.expects_continue {
            return Ok(false);
        }
        output.push(b"HTTP/1.1 100 Continue\r\n\r\n");
        output.written()?;
        self.expects_continue = false;
        Ok(true)
    }

    /// Emits `100 Continue` next time as if the client waited for it, if its version has interim replies.
    pub(crate) fn ask_again(&mut self) {
        self.expects_continue = self.version >= Version::Http11;
    }

    /// Takes note that the client no longer waits for 100 (Continue): its content has begun to arrive.
    pub const fn skip_continue(&mut self) {
        self.expects_continue = false;
    }

    /// Emits the status-line, and Date if `now` is given.
    ///
    /// # Errors
    /// [`EmitError::Order`] and [`EmitError::Full`].
    ///
    /// ```abnf
    /// status-line = HTTP-version SP status-code SP [ reason-phrase ]     ; RFC 9112 §4
    /// ```
    pub fn emit_status(
        &mut self,
        status: Status,
        now: Option<Date>,
        output: &mut Cursor<'_>,
    ) -> Result<(), EmitError> {
        if !matches!(self.next, Next::Status) {
            return Err(EmitError::Order);
        }
        self.omits_content = self.is_head || status.has_no_content();
        output.push(b"HTTP/1.1 ");
        push_status(status, output);
        if let Some(now) = now {
            output.push(b"\r\nDate: ");
            output.push(&(now.emit)(now.time));
        }
        output.push(b"\r\n");
        output.written()?;
        self.status = status;
        self.next = Next::Fields;
        Ok(())
    }

    /// Emits a field line, whose value is the concatenation of `value`.
    ///
    /// # Errors
    /// [`EmitError::Field`] and [`EmitError::FramingField`], so that no value ends its line early and no
    /// field contradicts the framing; [`EmitError::Repeated`] for a second Content-Type;
    /// [`EmitError::Order`] and [`EmitError::Full`].
    pub fn emit_field(
        &mut self,
        name: &str,
        value: &[&[u8]],
        output: &mut Cursor<'_>,
    ) -> Result<(), EmitError> {
        self.take_name(name)?;
        self.emit_own_field(name, value, output)
    }

    /// Whether a field may be called so in this reply.
    pub(crate) fn take_name(&mut self, name: &str) -> Result<(), EmitError> {
        check_name(name)?;
        if name.eq_ignore_ascii_case("Content-Type") { self.take_content_type() } else { Ok(()) }
    }

    /// Whether this reply may have a Content-Type, which it then has.
    pub(crate) const fn take_content_type(&mut self) -> Result<(), EmitError> {
        if self.has_content_type {
            return Err(EmitError::Repeated);
        }
        self.has_content_type = true;
        Ok(())
    }

    /// Whether the reply has a Content-Type.
    pub const fn has_content_type(&self) -> bool {
        self.has_content_type
    }

    /// [`emit_field`](Self::emit_field) with a name that is known to be good.
    pub(crate) fn emit_own_field(
        &mut self,
        name: &str,
        value: &[&[u8]],
        output: &mut Cursor<'_>,
    ) -> Result<(), EmitError> {
        if !matches!(self.next, Next::Fields) {
            return Err(EmitError::Order);
        }
        for part in value {
            check_value(part)?;
        }
        output.push(name.as_bytes());
        output.push(b": ");
        for part in value {
            output.push(part);
        }
        output.push(b"\r\n");
        output.written()?;
        Ok(())
    }

    /// Emits the fields that frame the content, and the empty line that ends the head.
    ///
    /// # Errors
    /// [`EmitError::NoContent`] for a length above 0 with a status that allows no content;
    /// [`EmitError::Order`] and [`EmitError::Full`].
    ///
    /// | | content | HTTP/1.1 | HTTP/1.0 |
    /// |---|---|---|---|
    /// | 204, 304 | none | no field (RFC 9110 §8.6, RFC 9112 §6.1) | the same |
    /// | 205 | none | Content-Length: 0 | the same |
    /// | known length | as declared, none for HEAD | Content-Length | the same |
    /// | unknown length | none for HEAD | Transfer-Encoding: chunked | until close |
    pub fn emit_end_of_head(
        &mut self,
        length: Length,
        output: &mut Cursor<'_>,
    ) -> Result<(), EmitError> {
        if !matches!(self.next, Next::Fields) {
            return Err(EmitError::Order);
        }
        let has_none = self.status.has_no_content();
        let bodiless = has_none || self.status == Status::RESET_CONTENT;
        let framing = match length {
            Length::Exact(1..) if bodiless => return Err(EmitError::NoContent),
            _ if bodiless => Framing::Exact(0),
            Length::Exact(length) => Framing::Exact(length),
            Length::Unknown if self.version >= Version::Http11 => Framing::Chunked,
            Length::Unknown => Framing::UntilClose,
        };
        match framing {
            _ if has_none => {}
            Framing::Exact(length) => {
                output.push(b"Content-Length: ");
                output.push_decimal(length);
                output.push(b"\r\n");
            }
            Framing::Chunked => output.push(b"Transfer-Encoding: chunked\r\n"),
            Framing::UntilClose => self.persistent = false,
        }
        if !self.persistent {
            output.push(b"Connection: close\r\n");
        } else if self.version < Version::Http11 {
            output.push(b"Connection: keep-alive\r\n");
        }
        output.push(b"\r\n");
        output.written()?;
        self.next = Next::Content(framing);
        Ok(())
    }

    /// Counts `count` octets of content that the caller sends by itself, without chunks. If the reply
    /// [omits content](Self::omits_content), the caller must not send them.
    ///
    /// # Errors
    /// [`EmitError::Length`] if the content would become longer than declared; [`EmitError::Order`].
    pub fn account(&mut self, count: usize) -> Result<(), EmitError> {
        match &mut self.next {
            Next::Content(Framing::Exact(remaining)) => {
                *remaining = remaining.checked_sub(count as u64).ok_or(EmitError::Length)?;
            }
            Next::Content(_) => {}
            _ => return Err(EmitError::Order),
        }
        if !self.omits_content() {
            self.content += count as u64;
        }
        Ok(())
    }

    /// Ends a reply whose content the caller sends by itself, and whole: as many octets as its head has
    /// declared. Without a head, it does nothing.
    pub(crate) const fn end_whole(&mut self, count: usize) {
        if matches!(self.next, Next::Content(_)) {
            self.next = Next::Complete;
            if !self.omits_content {
                self.content = count as u64;
            }
        }
    }

    /// Emits as much of `content` as `output` has room for, as one chunk if the reply is chunked.
    /// Returns how many octets of `content` it took.
    ///
    /// # Errors
    /// [`EmitError::Length`] if the content would become longer than declared; [`EmitError::Order`].
    pub fn emit_content(
        &mut self,
        content: &[u8],
        output: &mut Cursor<'_>,
    ) -> Result<usize, EmitError> {
        let chunked = self.is_chunked() && !self.omits_content();
        let framing = if chunked { CHUNK_PREFIX + CHUNK_SUFFIX } else { 0 };
        let room = output.free().saturating_sub(framing);
        let room = if self.omits_content() { usize::MAX } else { room };
        let most = if chunked { room.min(CHUNK_MAX) } else { room };
        let content = content.get(..most).unwrap_or(content);
        if content.is_empty() {
            return Ok(0);
        }
        self.account(content.len())?;
        if !self.omits_content() {
            if chunked {
                output.push(&chunk_prefix(content.len()));
            }
            output.push(content);
            if chunked {
                output.push(b"\r\n");
            }
        }
        Ok(content.len())
    }

    /// Ends the content. Returns the octets that the caller still has to send: the last chunk and the
    /// empty trailer section of a chunked reply, nothing otherwise.
    ///
    /// # Errors
    /// [`EmitError::Length`] if the content is shorter than declared: the connection has to be cut, so
    /// that the client notices. [`EmitError::Order`].
    pub fn end(&mut self) -> Result<&'static [u8], EmitError> {
        let last: &[u8] = match self.next {
            Next::Content(Framing::Exact(1..)) if !self.omits_content => {
                return Err(EmitError::Length);
            }
            Next::Content(Framing::Chunked) if !self.omits_content() => LAST_CHUNK,
            Next::Content(_) => b"",
            _ => return Err(EmitError::Order),
        };
        self.next = Next::Complete;
        Ok(last)
    }
}

impl core::fmt::Display for EmitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Full => "the transmit buffer is too small",
            Self::Field => "a field name is no token, or a field value holds CR, LF or another control",
            Self::FramingField => {
                "Connection, Content-Length, Date, Trailer, Transfer-Encoding and their like are not \
                 for the application to set"
            }
            Self::Repeated => "the reply has two Content-Type fields",
            Self::NoContent => "the status allows no content",
            Self::Length => "the content is longer or shorter than declared",
            Self::Order => "a part of the reply is out of order",
        })
    }
}

impl core::error::Error for EmitError {}
