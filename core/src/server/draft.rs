//! The reply of one exchange, as far as it is made without the transport.

use super::output::Output;
use super::refusal_page::RefusalPage;
use crate::bytes::cursor::Cursor;
use crate::framing::encode::{Date, Sending, check_name};
use crate::framing::{EmitError, Length};
use crate::message::{Head, Refusal, Status};

/// What emits content piece by piece, the same each time.
pub(crate) type Render<'r> = dyn Fn(&mut dyn FnMut(&[u8])) + Sync + 'r;

/// What the reply of one exchange is made of. The types of the API share it by reference, so that
/// moving them around costs next to nothing; and nothing here is generic, so that it exists once.
#[derive(Debug)]
pub(super) struct Draft<'c> {
    pub(super) sending: &'c mut Sending,
    pub(super) output: Output<'c>,
    pub(super) now: Option<Date>,
    /// What shows refusals, and to whom: to the client of this head, if it accepts that; without one,
    /// it does.
    pub(super) page: Option<(&'static RefusalPage, Option<&'c Head<'c>>)>,
}

impl<'c> Draft<'c> {
    pub(super) const fn new(
        sending: &'c mut Sending,
        output: Output<'c>,
        now: Option<Date>,
    ) -> Self {
        Self { sending, output, now, page: None }
    }

    /// Emits the status-line.
    pub(super) fn status(&mut self, status: Status) {
        let mut head = self.output.head();
        let emitted = self.sending.emit_status(status, self.now, &mut head);
        let count = head.count();
        self.emitted(emitted, count);
    }

    /// Emits a field, its value in parts that are joined.
    pub(super) fn field(&mut self, name: &str, value: &[&[u8]]) {
        match check_name(name) {
            Ok(()) => self.own_field(name, value),
            Err(fault) => self.output.fail(fault),
        }
    }

    /// [`field`](Self::field) with a name that is known to be good.
    pub(super) fn own_field(&mut self, name: &str, value: &[&[u8]]) {
        let mut head = self.output.head();
        let emitted = self.sending.emit_own_field(name, value, &mut head);
        let count = head.count();
        self.emitted(emitted, count);
    }

    /// Ends the head.
    pub(super) fn end_head(&mut self, length: Length) {
        let mut head = self.output.head();
        let emitted = self.sending.emit_end_of_head(length, &mut head);
        let count = head.count();
        self.emitted(emitted, count);
    }

    /// Emits `100 Continue`, if the client waits for it. Returns whether it does.
    pub(super) fn interim(&mut self) -> Result<bool, EmitError> {
        let mut head = self.output.head();
        let is_emitted = self.sending.emit_continue(&mut head)?;
        let count = head.count();
        self.output.fill(count);
        Ok(is_emitted)
    }

    /// Stages `count` octets, and keeps the first fault: with one, the reply is taken back in the
    /// end.
    #[inline(never)]
    fn emitted(&mut self, emitted: Result<(), EmitError>, count: usize) {
        self.output.fill(count);
        if let Err(fault) = emitted {
            self.output.fail(fault);
        }
    }

    /// Whether the whole head could be emitted so far.
    pub(super) fn check(&self) -> Result<(), EmitError> {
        self.output.check()
    }

    /// Stages the line that a refusal has for its content, which is accounted for.
    pub(super) fn line(&mut self, refusal: &Refusal) {
        let mut free = Cursor::new(self.output.free());
        emit_line(refusal, &mut free);
        let (emitted, count) = (free.written(), free.count());
        self.emitted(emitted.map(drop).map_err(EmitError::from), count);
    }

    /// Stages what `render` emits behind its first `sent` octets, as far as there is room, and counts
    /// it there. Returns whether that was all.
    pub(super) fn render(
        &mut self,
        render: &Render<'_>,
        sent: &mut usize,
    ) -> Result<bool, EmitError> {
        self.check()?;
        let was_empty = self.output.is_empty();
        let (mut skipped, mut staged) = (*sent, Ok(0));
        let mut is_whole = true;
        render(&mut |piece| {
            let rest = piece.get(skipped..).unwrap_or_default();
            skipped -= piece.len() - rest.len();
            if let Ok(before) = staged
                && is_whole
                && !rest.is_empty()
            {
                let now = self.output.stage(rest, self.sending);
                is_whole = now == Ok(rest.len());
                staged = now.map(|now| before + now);
            }
        });
        let staged = staged?;
        if staged == 0 && !is_whole && was_empty {
            return Err(EmitError::Full);
        }
        *sent += staged;
        Ok(is_whole)
    }

    /// Accounts for `count` octets that are all of the content, and for its end. Returns whether they
    /// are sent: not where the reply has none.
    pub(super) fn whole(&mut self, count: usize) -> bool {
        let accounted = self.sending.account(count).and_then(|()| self.sending.end());
        self.emitted(accounted.map(drop), 0);
        !self.sending.omits_content()
    }

    /// Takes all of it back, to begin another reply.
    pub(super) fn restart(&mut self) {
        self.output.revoke();
        self.sending.restart();
    }
}

/// Emits the line that a refusal has for its content.
pub(super) fn emit_line(refusal: &Refusal, output: &mut Cursor<'_>) {
    let Refusal { status, reason, .. } = *refusal;
    output.push_decimal(u64::from(status.code()));
    output.push(b" ");
    output.push(status.reason().as_bytes());
    output.push(if reason.is_empty() { b"" } else { b": " });
    output.push(reason.as_bytes());
    output.push(b"\n");
}
