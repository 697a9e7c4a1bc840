//! What ends an exchange early.

use crate::framing::EmitError;
use crate::message::{ParseError, Refusal};

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
}

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
