//! What of the transmit buffer is still to be sent.

use super::output::Output;
use super::refusal_page::RefusalPage;
use crate::framing::EmitError;
use crate::message::Refusal;

/// What the transmit buffer holds. It outlives the exchange that put it there, so that the replies to
/// pipelined requests leave together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unsent {
    /// Octets to be sent, from the start of the buffer on.
    pub(super) len: usize,
    /// How many of those belong to earlier replies.
    pub(super) earlier: usize,
    /// Whether octets of the final reply of this exchange have left.
    pub(super) committed: bool,
    /// Whether a write is under way. It stays so when the future that wrote was dropped, and then
    /// nobody knows how much of it went.
    pub(super) writing: bool,
    /// The first thing of the reply's head that could not be emitted.
    pub(super) fault: Option<EmitError>,
    /// A page that is to be put behind all that.
    pub(super) page: Option<Page>,
    /// Octets of field lines that were added from outside of the service.
    pub(super) added: u16,
    /// Where in the buffer they stand.
    pub(super) added_at: usize,
    /// What moves them.
    pub(super) move_added: Option<fn(&mut Output<'_>, Place)>,
}

/// A page, of which so many octets are in the buffer or sent already. They are accounted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) shown_by: &'static RefusalPage,
    pub(super) refusal: Refusal,
    pub(super) done: usize,
}

/// Where the field lines stand that were added to a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the reply's head, at its end.
    Head,
    /// At the end of the buffer, where nothing else goes.
    Behind,
}

impl Unsent {
    /// Whether nothing is to be sent.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The reply is whole: what comes next belongs to another one.
    pub(super) const fn end_reply(&mut self) {
        self.earlier = self.len;
        self.committed = false;
        self.fault = None;
        self.move_added = None;
        self.added = 0;
    }
}
