//! Refusals as pages, for clients that show HTML.

use crate::message::{Head, Refusal};
use crate::semantics::conditional::FieldLines as _;
use crate::semantics::negotiate::accepts_type;

/// Emits the page that shows a refusal, the same each time.
type Emit = fn(&Refusal, &mut dyn FnMut(&[u8]));

/// A page that says what a refusal says, for those that accept HTML. Others get the line of text.
///
/// It is a value that a [`Server`](super::Server) may be given, so that a program without one has
/// neither the text of a page nor the look at Accept. [`service::html::REFUSAL_PAGE`] is one; a page
/// of your own is made in a few lines:
///
/// ```
/// use thimble_core::server::RefusalPage;
/// use thimble_core::service::html::escape;
///
/// const PAGE: &RefusalPage = &RefusalPage::new(|refusal, emit| {
///     emit(b"<!DOCTYPE html>\n<title>Sorry</title>\n<p>");
///     escape(refusal.reason, emit);
/// });
/// ```
///
/// A request whose head can't be understood is answered by the line, whatever it accepts.
///
/// [`service::html::REFUSAL_PAGE`]: crate::service::html::REFUSAL_PAGE
#[derive(Clone, Copy, Debug)]
pub struct RefusalPage {
    is_accepted: fn(&Head<'_>) -> bool,
    emit: Emit,
}

impl RefusalPage {
    /// The page that `emit` gives its third argument in pieces. It is asked several times, and has
    /// to give the same each time.
    pub const fn new(emit: Emit) -> Self {
        Self { is_accepted, emit }
    }

    /// Whether the client accepts it (RFC 9110 §12.5.1): by its name, since programs that take
    /// anything (`*/*`) show the line just as well.
    pub(super) fn is_accepted(&self, head: &Head<'_>) -> bool {
        (self.is_accepted)(head)
    }

    /// Emits it.
    pub(super) fn emit(&self, refusal: &Refusal, emit: &mut dyn FnMut(&[u8])) {
        (self.emit)(refusal, emit);
    }

    /// Octets of it.
    pub(super) fn len(&self, refusal: &Refusal) -> usize {
        let mut count = 0;
        self.emit(refusal, &mut |piece| count += piece.len());
        count
    }
}

fn is_accepted(head: &Head<'_>) -> bool {
    let mut is_accepted = false;
    head.each("Accept", &mut |line| is_accepted |= accepts_type(line, b"text/html"));
    is_accepted
}
