//! What can be wrong with a script's reply, and what its client is told.

use core::fmt;

use crate::message::{Refusal, Status};

/// The reply to a request whose script has not sent a head in time.
pub const TOO_SLOW: &Refusal = &Refusal::new(Status::GATEWAY_TIMEOUT, "the program took too long");

/// The reply to a request that waited in vain while too many others ran scripts.
pub const BUSY: &Refusal = &Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("too many programs are running", "Retry-After", "5"),
);

/// The reply to a request whose script failed: the log says how.
pub const FAILED: &Refusal = &Refusal::new(Status::BAD_GATEWAY, "the program failed");

/// The reply to a request whose scripts redirect to one another without end.
pub const CIRCULAR: &Refusal =
    &Refusal::new(Status::BAD_GATEWAY, "the programs go round in circles");

/// The reply to chunked content that is larger than the server collects: a script has to know its length.
pub const TOO_LARGE: &Refusal = &Refusal::new(
    Status::CONTENT_TOO_LARGE,
    "the content is too large to be collected: send its length",
);

/// The reply to a request whose content comes too slowly for its script.
pub const CONTENT_TOO_SLOW: &Refusal =
    &Refusal::new(Status::REQUEST_TIMEOUT, "the content came too slowly");

/// Why a script's head is no reply. Each is answered by [`FAILED`], 502 (RFC 9110 §15.6.3); its text is
/// for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// Nothing was sent.
    Empty,
    /// The end came within the head.
    Truncated,
    /// The head is longer than there is room for.
    TooLong,
    /// A line is no field line, or holds a control (RFC 3875 §6.3).
    Line,
    /// None of the fields Content-Type, Location and Status is there (RFC 3875 §6.3).
    NoField,
    /// A field that there may be only one of is repeated.
    Repeated,
    /// Status is none of 200 to 599, or malformed (RFC 3875 §6.3.3).
    Status,
    /// Location is no URI-reference (RFC 3875 §6.3.2, RFC 9110 §10.2.2).
    Location,
    /// Content-Length is no number.
    ContentLength,
    /// The content would be in a transfer coding, which is the server's to choose (RFC 3875 §6.3.4).
    TransferEncoding,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it sent nothing",
            Self::Truncated => "it ended within the head of its reply",
            Self::TooLong => "the head of its reply is too long",
            Self::Line => "a line of its reply's head is no field line",
            Self::NoField => "its reply has neither Content-Type, Location nor Status",
            Self::Repeated => {
                "its reply has two lines of Content-Length, Content-Type, Location or Status"
            }
            Self::Status => "its Status is no code from 200 to 599",
            Self::Location => "its Location is no URI-reference",
            Self::ContentLength => "its Content-Length is no number",
            Self::TransferEncoding => "it sent Transfer-Encoding, which is the server's to choose",
        })
    }
}

impl core::error::Error for HeadError {}
