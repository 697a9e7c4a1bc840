//! Refusals as pages, for clients that show HTML.

use crate::bytes::cursor::Cursor;
use crate::message::{Head, ParseError, Refusal, Status};
use crate::semantics::conditional::FieldLines as _;
use crate::semantics::negotiate::accepts_type;

/// Emits the page that shows a refusal. Each call emits the same octets.
type Emit = fn(&Refusal, &mut dyn FnMut(&[u8]));
type Length = fn(Emit, &Refusal, &[u8]) -> Result<Option<usize>, ParseError>;

/// A page that shows a refusal to clients that accept HTML. Others get a line of text.
///
/// [`Driver::refusal_page`](super::Driver::refusal_page) takes it; a program that sets none links no code
/// for it. [`service::html::REFUSAL_PAGE`] is one, and you can make your own:
///
/// ```
/// use thimble_core::server::RefusalPage;
/// use thimble_core::service::html::escape;
///
/// const PAGE: &RefusalPage = &RefusalPage::new(|refusal, emit| {
///     emit(b"<!DOCTYPE html>\n<title>Sorry</title>\n<p>");
///     escape(&refusal.reason, emit);
/// });
/// ```
///
/// A request whose head can't be understood always gets the line.
///
/// [`service::html::REFUSAL_PAGE`]: crate::service::html::REFUSAL_PAGE
#[derive(Clone, Copy, Debug)]
pub struct RefusalPage {
    emit: Emit,
    // By reference, so that programs without a page don't link what follows.
    /// Its Content-Type.
    pub(super) media_type: &'static str,
    /// The fields of the request that decide whether it is sent.
    pub(super) vary: &'static [&'static [u8]],
    length: Length,
    put: fn(Emit, &mut Shown, &mut [u8]) -> (usize, bool),
}

/// A refusal whose page is being put into a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    status: Status,
    reason: &'static str,
    /// Octets of the page that were put there.
    done: usize,
}

impl RefusalPage {
    /// The page that `emit` passes to its second argument, in pieces. It is called several times for one
    /// page, and each time has to emit the same octets.
    pub const fn new(emit: Emit) -> Self {
        Self { emit, media_type: "text/html; charset=utf-8", vary: &[b"Accept"], length, put }
    }

    /// Octets of it, if `request`, a head as it arrived, accepts it.
    ///
    /// # Errors
    /// The head can't be understood, and so is not asked.
    pub(super) fn length(
        &self,
        refusal: &Refusal,
        request: &[u8],
    ) -> Result<Option<usize>, ParseError> {
        (self.length)(self.emit, refusal, request)
    }

    /// Puts more of it into `free`, as far as there is room. Returns how much, and whether that was all.
    pub(super) fn put(&self, shown: &mut Shown, free: &mut [u8]) -> (usize, bool) {
        (self.put)(self.emit, shown, free)
    }
}

impl Shown {
    /// A refusal of whose page nothing is there yet.
    pub(super) const fn new(&Refusal { status, reason, .. }: &Refusal) -> Self {
        Self { status, reason: reason.line(), done: 0 }
    }
}

/// A client accepts it by its name (RFC 9110 §12.5.1): programs that take anything (`*/*`) show the
/// line just as well.
fn length(emit: Emit, refusal: &Refusal, request: &[u8]) -> Result<Option<usize>, ParseError> {
    let mut is_accepted = false;
    let head = Head::parse(request)?;
    head.each("Accept", &mut |line| is_accepted |= accepts_type(line, b"text/html"));
    if !is_accepted {
        return Ok(None);
    }
    let mut count = 0;
    emit(refusal, &mut |piece| count += piece.len());
    Ok(Some(count))
}

fn put(emit: Emit, shown: &mut Shown, free: &mut [u8]) -> (usize, bool) {
    let (mut skipped, mut left) = (shown.done, 0);
    let mut free = Cursor::new(free);
    emit(&Refusal::new(shown.status, shown.reason), &mut |piece| {
        let rest = piece.get(skipped..).unwrap_or_default();
        skipped -= piece.len() - rest.len();
        let (fits, more) = rest.split_at_checked(free.free()).unwrap_or((rest, b""));
        free.push(fits);
        left += more.len();
    });
    shown.done += free.count();
    (free.count(), left == 0)
}
