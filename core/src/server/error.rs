//! What ends an exchange early.

use core::fmt;

use crate::framing::EmitError;
use crate::message::{ParseError, Refusal, Status};

/// What answers a failure of the application: a reply that can't be emitted, among others.
pub(super) const FAILED: &Refusal = &Refusal::new(Status::INTERNAL_SERVER_ERROR, "");

/// What a handler's `?` passes on. The driver makes the best of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The transport failed: nobody is there to be answered.
    Transport(E),
    /// The request is refused, and answered so, unless a reply is on its way already.
    Refused(&'static Refusal),
    /// The reply can't be emitted: answered by 500, unless it is on its way already; then the
    /// connection is cut, so that the client notices.
    Emit(EmitError),
    /// A file turned out shorter than it was, or the transport takes no more octets: answered like
    /// [`Emit`](Self::Emit).
    Cut,
    /// The application failed, and says so in a line for the log: answered like
    /// [`Emit`](Self::Emit). What it has more to say of goes by
    /// [`Responder::fail`](super::Responder::fail).
    Application(&'static &'static str),
}

impl<E> Error<E> {
    /// The status that answers it; `None` when nobody is there to be answered.
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
            Self::Refused(refusal) => f.write_str(match refusal.reason {
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
