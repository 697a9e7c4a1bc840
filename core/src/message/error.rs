//! The errors in a request, named by the element of the grammar, and the status that answers each.

use core::fmt;

use super::refusal::Refusal;
use super::status::Status;

macro_rules! parse_errors {
    ($($(#[$doc:meta])* $error:ident $status:ident $reason:literal)*) => {
        /// Why a request can't be understood. None of them can be recovered from: the connection
        /// closes after the answer, since nobody knows where the next request begins.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        // As wide as what else a `Result` may hold, so that both are returned in registers.
        #[repr(usize)]
        pub enum ParseError {
            $($(#[$doc])* $error,)*
        }

        impl ParseError {
            /// The reply to it.
            #[expect(clippy::indexing_slicing, reason = "each error has its place")]
            pub const fn refusal(self) -> &'static Refusal {
                const REFUSALS: &[Refusal] = &[$(Refusal::new(Status::$status, $reason)),*];
                &REFUSALS[self as usize]
            }
        }
    };
}

parse_errors! {
    /// An octet that no head may hold: a bare CR or LF, NUL, another control.
    Octet BAD_REQUEST "a bare CR or LF, or another control octet"
    /// Too many empty lines before a request-line (RFC 9112 §2.2).
    EmptyLines BAD_REQUEST "too many empty lines"
    /// No method (RFC 9112 §3.1).
    Method BAD_REQUEST "the request-line needs a method and one space"
    /// A method that fills the whole request-line limit (RFC 9112 §3).
    MethodTooLong NOT_IMPLEMENTED "the method is too long"
    /// A request-target of no form, or of one that its method can't have (RFC 9112 §3.2).
    RequestTarget BAD_REQUEST "the request-target is malformed, or not for this method"
    /// An `https` target on a connection that is not secure (RFC 9110 §7.4).
    Misdirected MISDIRECTED_REQUEST "https needs a connection over TLS"
    /// A request-line over its limit (RFC 9112 §3).
    RequestLineTooLong URI_TOO_LONG "the request-line is too long"
    /// No HTTP-version (RFC 9112 §2.3).
    Version BAD_REQUEST "the request-line must end with an HTTP-version"
    /// A version of another major number (RFC 9110 §15.6.6).
    UnsupportedVersion HTTP_VERSION_NOT_SUPPORTED "only HTTP/1.0 and HTTP/1.1 are served"
    /// A field line that begins with whitespace (RFC 9112 §5.2).
    ObsFold BAD_REQUEST "a field line begins with whitespace"
    /// A field name that is no token directly before a colon (RFC 9112 §5.1).
    FieldName BAD_REQUEST "a field line needs a name and a colon right after it"
    /// A field section over its limit of octets (RFC 6585 §5).
    FieldSectionTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "the field section is too large"
    /// Too many field lines (RFC 6585 §5).
    TooManyFields REQUEST_HEADER_FIELDS_TOO_LARGE "too many field lines"
    /// No Host field in HTTP/1.1 (RFC 9112 §3.2).
    NoHost BAD_REQUEST "the Host field is missing"
    /// A Host field that is repeated, or no valid uri-host and port (RFC 9112 §3.2).
    Host BAD_REQUEST "Host must name one host, and a port if any"
    /// A Content-Length that is repeated, or no number of 64 bits (RFC 9112 §6.3).
    ContentLength BAD_REQUEST "Content-Length must be one decimal number"
    /// Both Content-Length and Transfer-Encoding (RFC 9112 §6.1).
    AmbiguousLength BAD_REQUEST "both Content-Length and Transfer-Encoding"
    /// Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1), one that doesn't end with the only `chunked`
    /// (RFC 9112 §6.3), or one with an empty member.
    TransferEncoding BAD_REQUEST "Transfer-Encoding must end with its only chunked"
    /// A transfer coding that is not implemented (RFC 9112 §6.1).
    TransferCoding NOT_IMPLEMENTED "the only transfer coding known is chunked"
    /// An expectation besides 100-continue (RFC 9110 §10.1.1).
    Expectation EXPECTATION_FAILED "the only expectation known is 100-continue"
    /// A chunk line that is none, or no CRLF after the data (RFC 9112 §7.1).
    Chunk BAD_REQUEST "a chunk is malformed"
    /// A chunk-size line, or the extensions of all of them, over a limit (RFC 9112 §7.1.1).
    ChunkLineTooLong BAD_REQUEST "the chunk extensions are too long"
    /// A trailer section over its limit (RFC 9112 §7.1.2).
    TrailersTooLarge REQUEST_HEADER_FIELDS_TOO_LARGE "the trailer section is too large"
    /// The end of the stream in the middle of a head (RFC 9112 §8).
    TruncatedHead BAD_REQUEST "the request ended within its head"
    /// The end of the stream in the middle of the content (RFC 9112 §8).
    TruncatedContent BAD_REQUEST "the request ended within its content"
}

impl ParseError {
    /// The status of the reply to it.
    pub const fn status_hint(self) -> Status {
        self.refusal().status
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.refusal().reason)
    }
}

impl core::error::Error for ParseError {}
