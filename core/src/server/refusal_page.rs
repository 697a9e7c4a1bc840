//! Refusals as pages, for clients that show HTML.

use crate::bytes::cursor::Cursor;
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
    emit: Emit,
    // What follows is by reference, so that programs without a page don't hold it.
    /// Its Content-Type.
    pub(super) media_type: &'static str,
    /// The fields of the request that decide whether it is sent.
    pub(super) vary: &'static [&'static [u8]],
    length: fn(Emit, &Refusal, &[u8]) -> Option<usize>,
    stage: fn(Emit, &Refusal, usize, &mut Cursor<'_>) -> bool,
}

impl RefusalPage {
    /// The page that `emit` gives its second argument in pieces. It is asked several times, and has
    /// to give the same each time.
    pub const fn new(emit: Emit) -> Self {
        Self { emit, media_type: "text/html; charset=utf-8", vary: &[b"Accept"], length, stage }
    }

    /// Octets of it, if `request`, a head as it arrived, accepts it.
    pub(super) fn length(&self, refusal: &Refusal, request: &[u8]) -> Option<usize> {
        (self.length)(self.emit, refusal, request)
    }

    /// Puts more of it into `buffer`, as far as there is room. Returns whether nothing is left.
    pub(super) fn stage(&self, refusal: &Refusal, buffer: &mut Buffer<'_>) -> bool {
        (self.stage)(self.emit, refusal, buffer)
    }
}

/// A client accepts it by its name (RFC 9110 §12.5.1): programs that take anything (`*/*`) show the
/// line just as well.
fn length(emit: Emit, refusal: &Refusal, request: &[u8]) -> Option<usize> {
    let mut is_accepted = false;
    let head = Head::parse(request).ok()?;
    head.each("Accept", &mut |line| is_accepted |= accepts_type(line, b"text/html"));
    if !is_accepted {
        return None;
    }
    let mut count = 0;
    emit(refusal, &mut |piece| count += piece.len());
    Some(count)
}

fn stage(emit: Emit, refusal: &Refusal, buffer: &mut Buffer<'_>) -> bool {
    let (mut skipped, mut left) = (buffer.unsent.done, 0);
    let mut free = Cursor::new(buffer.free());
    emit(refusal, &mut |piece| {
        let rest = piece.get(skipped..).unwrap_or_default();
        skipped -= piece.len() - rest.len();
        let (fits, more) = rest.split_at_checked(free.free()).unwrap_or((rest, b""));
        free.push(fits);
        left += more.len();
    });
    let count = free.count();
    buffer.fill(count);
    buffer.unsent.done += count;
    // Its reply is made already: nothing of the next one is there yet.
    buffer.unsent.earlier = buffer.unsent.len;
    if left == 0 {
        buffer.unsent.shown = None;
    }
    left == 0
}
