//! What can be wrong with a request, named by the element of the grammar, and the status that
//! answers it.

use core::fmt;

use super::Status;

/// Why a request can't be understood. None of them can be recovered from: the connection closes
/// after the answer, since nobody knows where the next request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// An octet that no head may hold: a bare CR or LF, NUL, another control.
    Octet,
    /// Too many empty lines before a request-line (RFC 9112 §2.2).
    EmptyLines,
    /// No method (RFC 9112 §3.1).
    Method,
    /// A method that fills the whole request-line limit (RFC 9112 §3).
    MethodTooLong,
    /// A request-target of no form, or of one that its method can't have (RFC 9112 §3.2).
    RequestTarget,
    /// A target under `https`, which was not asked for securely (RFC 9110 §7.4).
    Misdirected,
    /// A request-line over its limit (RFC 9112 §3).
    RequestLineTooLong,
    /// No HTTP-version (RFC 9112 §2.3).
    Version,
    /// A version of another major number (RFC 9110 §15.6.6).
    UnsupportedVersion,
    /// A field line that begins with whitespace (RFC 9112 §5.2).
    ObsFold,
    /// A field name that is no token directly before a colon (RFC 9112 §5.1).
    FieldName,
    /// A field section over its limit of octets (RFC 6585 §5).
    FieldSectionTooLarge,
    /// Too many field lines (RFC 6585 §5).
    TooManyFields,
    /// No Host field in HTTP/1.1 (RFC 9112 §3.2).
    NoHost,
    /// A Host field that is repeated, or no valid uri-host and port (RFC 9112 §3.2).
    Host,
    /// A Content-Length that is repeated, or no number of 64 bits (RFC 9112 §6.3).
    ContentLength,
    /// Both Content-Length and Transfer-Encoding (RFC 9112 §6.1).
    AmbiguousLength,
    /// Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1), or one that doesn't end with the only
    /// `chunked` (RFC 9112 §6.3).
    TransferEncoding,
    /// A transfer coding that is not implemented (RFC 9112 §6.1).
    TransferCoding,
    /// An expectation besides 100-continue (RFC 9110 §10.1.1).
    Expectation,
    /// A chunk line that is none, or no CRLF after the data (RFC 9112 §7.1).
    Chunk,
    /// A chunk-size line, or the extensions of all of them, over a limit (RFC 9112 §7.1.1).
    ChunkLineTooLong,
    /// A trailer section over its limit (RFC 9112 §7.1.2).
    TrailersTooLarge,
    /// The end of the stream in the middle of a head (RFC 9112 §8).
    TruncatedHead,
    /// The end of the stream in the middle of the content (RFC 9112 §8).
    TruncatedContent,
}

impl ParseError {
    /// What answers it.
    pub const fn refusal(self) -> &'static Refusal {
        macro_rules! refuse {
            ($($error:ident $status:ident $reason:literal)*) => {
                match self {
                    $(Self::$error => const { &Refusal::new(Status::$status, $reason) },)*
                }
            };
        }
        refuse! {
            Octet BAD_REQUEST "a bare CR or LF, or another control octet, in the head"
            EmptyLines BAD_REQUEST "too many empty lines before the request-line"
            Method BAD_REQUEST "the request-line must begin with a method and one space"
            MethodTooLong NOT_IMPLEMENTED "the method is too long"
            RequestTarget BAD_REQUEST "the request-target is malformed, or not one for this method"
            Misdirected MISDIRECTED_REQUEST "an https target must be asked for over TLS"
            RequestLineTooLong URI_TOO_LONG "the request-line is too long"
            Version BAD_REQUEST "the request-line must end with an HTTP-version"
            UnsupportedVersion HTTP_VERSION_NOT_SUPPORTED "only HTTP/1.0 and HTTP/1.1 are served"
            ObsFold BAD_REQUEST "a field line begins with whitespace"
            FieldName BAD_REQUEST "a field line must be a name, a colon right after it, and a value"
            FieldSectionTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "the field section is too large"
            TooManyFields REQUEST_HEADER_FIELDS_TOO_LARGE "there are too many field lines"
            NoHost BAD_REQUEST "a Host field is required"
            Host BAD_REQUEST "there must be one Host field, with a host and an optional port"
            ContentLength BAD_REQUEST "there must be one Content-Length at most, a decimal number"
            AmbiguousLength BAD_REQUEST "both Content-Length and Transfer-Encoding are given"
            TransferEncoding BAD_REQUEST "the Transfer-Encoding must end with its only chunked"
            TransferCoding NOT_IMPLEMENTED "the only transfer coding understood is chunked"
            Expectation EXPECTATION_FAILED "the only expectation understood is 100-continue"
            Chunk BAD_REQUEST "a chunk of the content is malformed"
            ChunkLineTooLong BAD_REQUEST "the chunk extensions are too long"
            TrailersTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "the trailer section is too large"
            TruncatedHead BAD_REQUEST "the request ended within its head"
            TruncatedContent BAD_REQUEST "the request ended within its content"
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.refusal().reason)
    }
}

impl core::error::Error for ParseError {}

/// A final reply in place of what was asked for: a status and a reason for the person behind the
/// client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: Status,
    /// One line, or nothing.
    pub reason: &'static str,
}

impl Refusal {
    /// A refusal with `status`.
    pub const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }
}
