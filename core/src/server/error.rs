//! The errors that end an exchange early.

use core::fmt;

use crate::framing::EmitError;
use crate::message::{ParseError, Refusal, Status};

/// What answers a failure of the application: a reply that can't be emitted, among others.
pub(super) const FAILED: &Refusal = &Refusal::new(Status::INTERNAL_SERVER_ERROR, "");

/// The error of a handler, which passes it on by `?`. The driver answers the request with
/// [`status`](Self::status), as long as none of the reply has been sent; otherwise it cuts the connection,
/// so that the client notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The transport failed. The request can't be answered.
    Transport(E),
    /// The request is refused, and this is the answer.
    Refused(&'static Refusal),
    /// The reply can't be emitted: 500.
    Emit(EmitError),
    /// A file became shorter while it was sent, or the transport takes no more octets: 500.
    Cut,
    /// The application failed: 500, and this line goes to the log.
    /// [`Responder::fail`](super::Responder::fail) takes any error that can be displayed.
    Application(&'static &'static str),
}

impl<E> Error<E> {
    /// The status that answers it; `None` if the transport failed.
    pub const fn status(&self) -> Option<Status> {
        match self {
            Self::Transport(_) => None,
            Self::Refused(refusal) => Some(refusal.status),
            Self::Emit(_) | Self::Cut | Self::Application(_) => Some(Status::INTERNAL_SERVER_ERROR),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Refused(refusal) => f.write_str(match refusal.reason.line() {
                "" => refusal.status.reason(),
                reason => reason,
            }),
            Self::Emit(error) => error.fmt(f),
            Self::Cut => f.write_str("the reply ended too early"),
            Self::Application(message) => f.write_str(message),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}

impl<E> From<&'static Refusal> for Error<E> {
    fn from(refusal: &'static Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<ParseError> for Error<E> {
    fn from(error: ParseError) -> Self {
        Self::Refused(error.refusal())
    }
}

impl<E> From<EmitError> for Error<E> {
    fn from(error: EmitError) -> Self {
        Self::Emit(error)
    }
}
