//! The reply of one exchange, as far as it is made without the transport: in the transmit buffer.

use core::mem;
use core::num::NonZeroUsize;

use super::buffer::Buffer;
use super::error::Error;
use super::refusal_page::Shown;
use super::transport::Transport;
use crate::bytes::cursor::Cursor;
use crate::framing::sender::{
    CHUNK_MAX, CHUNK_PREFIX, CHUNK_SUFFIX, check_name, check_value, chunk_prefix, push_status,
};
use crate::framing::{Date, EmitError, Length, Sender};
use crate::message::{Refusal, Status};

/// What emits content piece by piece, the same each time.
pub(crate) type Render<'r> = dyn Fn(&mut dyn FnMut(&[u8])) + Sync + 'r;

/// The sending side of a connection, and the transmit buffer that it emits into. The types of the API
/// share it by reference, so that moving them around costs next to nothing; and nothing here is
/// generic, so that it exists once.
#[derive(Debug)]
pub(super) struct Output<'c> {
    pub(super) buffer: Buffer<'c>,
    pub(super) sender: &'c mut Sender,
    pub(super) now: Option<Date>,
    /// The head of the request, as it arrived; nothing if it was refused before it was accepted.
    pub(super) request: &'c [u8],
    /// Where the data of the chunk begins that is not ended yet.
    chunk: Option<NonZeroUsize>,
}

/// The output, and the half of the transport that sends it. They go together, by one reference.
// In this order: then a reference to both is one to the output, too.
#[repr(C)]
pub(super) struct Outgoing<'c, T: Transport> {
    pub(super) output: Output<'c>,
    pub(super) tx: &'c mut T::Tx,
}

impl<T: Transport> Outgoing<'_, T> {
    /// Sends 100 (Continue), whether anybody waits for it or not. Returns false if the version has none.
    pub(super) async fn probe(&mut self) -> Result<bool, Error<T::Error>> {
        let Self { output, tx } = self;
        output.sender.ask_again();
        let is_sent = output.interim()?;
        output.buffer.flush_interim(&mut **tx).await?;
        Ok(is_sent)
    }
}

impl<'c> Output<'c> {
    pub(super) const fn new(
        buffer: Buffer<'c>,
        sender: &'c mut Sender,
        now: Option<Date>,
        request: &'c [u8],
    ) -> Self {
        Self { buffer, sender, now, request, chunk: None }
    }

    /// Has `emit` emit the next part of the reply's head, and keeps the first fault: with one, the
    /// reply is taken back in the end.
    ///
    /// Every head has the same room, whatever stands before it in the buffer.
    fn emit(&mut self, emit: impl FnOnce(&mut Sender, &mut Cursor<'_>) -> Result<(), EmitError>) {
        let mut head = self.buffer.head();
        let emitted = emit(self.sender, &mut head);
        let count = head.count();
        self.emitted(emitted, count);
    }

    #[inline(never)]
    fn emitted(&mut self, emitted: Result<(), EmitError>, count: usize) {
        self.buffer.fill(count);
        if let Err(fault) = emitted {
            self.fail(fault);
        }
    }

    /// Emits the status-line.
    pub(super) fn status(&mut self, status: Status) {
        let now = self.now;
        self.emit(|sender, head| sender.emit_status(status, now, head));
    }

    /// Emits a field, its value in parts that are joined.
    pub(super) fn field(&mut self, name: &str, value: &[&[u8]]) {
        match self.sender.take_name(name) {
            Ok(()) => self.own_field(name, value),
            Err(fault) => self.fail(fault),
        }
    }

    /// [`field`](Self::field) with a name that is known to be good.
    pub(super) fn own_field(&mut self, name: &str, value: &[&[u8]]) {
        self.emit(|sender, head| sender.emit_own_field(name, value, head));
    }

    /// Emits Content-Type, of which there is one at most.
    pub(super) fn content_type(&mut self, media_type: &str) {
        match self.sender.take_content_type() {
            Ok(()) => self.own_field("Content-Type", &[media_type.as_bytes()]),
            Err(fault) => self.fail(fault),
        }
    }

    /// Emits Content-Type, if there is none yet.
    pub(super) fn usual_type(&mut self, media_type: &str) {
        if !self.sender.has_content_type() {
            self.content_type(media_type);
        }
    }

    /// Adds a field to whatever reply is made here. It is written down behind all that the buffer
    /// holds, and stands in the head in front of those that were added before.
    pub(super) fn add_field(&mut self, name: &str, value: &str) {
        if let Err(fault) = self.write_down(name, value) {
            self.fail(fault);
        }
    }

    fn write_down(&mut self, name: &str, value: &str) -> Result<(), EmitError> {
        check_name(name)?;
        check_value(value.as_bytes())?;
        if name.eq_ignore_ascii_case("Content-Type") {
            return Err(EmitError::Repeated);
        }
        let size = name.len() + b": \r\n".len() + value.len();
        let all = size + self.buffer.unsent.added;
        let end = self.buffer.end();
        let start = self.buffer.octets.len().saturating_sub(all);
        // Heads still have a quarter of the buffer for themselves.
        if all > self.buffer.octets.len() / 4 {
            return Err(EmitError::Full);
        }
        let mut line = Cursor::new(self.buffer.octets.get_mut(start..end).unwrap_or_default());
        line.push(name.as_bytes());
        line.push(b": ");
        line.push(value.as_bytes());
        line.push(b"\r\n");
        line.written()?;
        self.buffer.unsent.added = all;
        Ok(())
    }

    /// Ends the head.
    pub(super) fn end_head(&mut self, length: Length) {
        if self.buffer.push_added().is_err() {
            self.fail(EmitError::Full);
        }
        self.emit(|sender, head| sender.emit_end_of_head(length, head));
    }

    /// Emits `100 Continue`, if the client waits for it. Returns whether it does.
    pub(super) fn interim(&mut self) -> Result<bool, EmitError> {
        let mut head = self.buffer.head();
        let is_emitted = self.sender.emit_continue(&mut head)?;
        self.buffer.unsent.len += head.count();
        Ok(is_emitted)
    }

    /// Takes back what the buffer holds of the reply, to begin another one.
    pub(super) fn restart(&mut self) {
        self.buffer.unsent.len = self.buffer.unsent.earlier;
        self.buffer.unsent.fault = None;
        self.buffer.unsent.shown = None;
        self.chunk = None;
        self.sender.restart();
    }

    /// Says that something of the reply's head could not be emitted.
    pub(super) fn fail(&mut self, fault: EmitError) {
        self.buffer.unsent.fault = self.buffer.unsent.fault.or(Some(fault));
    }

    /// Whether the whole head could be emitted so far.
    pub(super) fn check(&self) -> Result<(), EmitError> {
        self.buffer.unsent.fault.map_or(Ok(()), Err)
    }

    /// Three quarters of the buffer, which has to be empty. The reply goes on in the first quarter.
    pub(super) fn set_aside(&mut self) -> &'c mut [u8] {
        let octets = mem::take(&mut self.buffer.octets);
        let (first, rest) = octets.split_at_mut(octets.len() / 4);
        self.buffer.octets = first;
        rest
    }

    /// Puts as much of `content` into the buffer as there is room for, in a chunk if the reply is
    /// chunked. Returns how much that is.
    pub(super) fn content(&mut self, content: &[u8]) -> Result<usize, EmitError> {
        if self.sender.omits_content() {
            self.sender.account(content.len())?;
            return Ok(content.len());
        }
        let is_chunked = self.sender.is_chunked();
        let room = if is_chunked { self.chunk_room() } else { self.buffer.free().len() };
        let content = content.get(..room).unwrap_or(content);
        if content.is_empty() {
            return Ok(0);
        }
        self.sender.account(content.len())?;
        if is_chunked && self.chunk.is_none() {
            self.buffer.unsent.len += CHUNK_PREFIX;
            self.chunk = NonZeroUsize::new(self.buffer.unsent.len);
        }
        self.buffer.push(content)?;
        Ok(content.len())
    }

    /// Data that the chunk that is not ended yet, or a new one, has room for.
    fn chunk_room(&mut self) -> usize {
        let used = self.chunk.map_or(0, |start| self.buffer.unsent.len - start.get());
        let framing = if self.chunk.is_some() { 0 } else { CHUNK_PREFIX };
        let free = self.buffer.free().len().saturating_sub(framing + CHUNK_SUFFIX);
        free.min(CHUNK_MAX - used)
    }

    /// Ends the chunk that is not ended yet.
    pub(super) fn end_chunk(&mut self) {
        let Some(start) = self.chunk.take() else { return };
        let start = start.get();
        let size = self.buffer.unsent.len - start;
        if let Some(prefix) = self.buffer.octets.get_mut(start - CHUNK_PREFIX..start) {
            prefix.copy_from_slice(&chunk_prefix(size));
        }
        // `chunk_room` has left room for this.
        let _ = self.buffer.push(b"\r\n");
    }

    /// Emits what the head of a refusal says of its content. Returns how long that is.
    pub(super) fn begin_refusal(&mut self, refusal: &Refusal) -> usize {
        if let Some(page) = self.buffer.unsent.page
            && let Ok(length) = page.length(refusal, self.request)
        {
            // Also the line is what it is for want of a field (RFC 9110 §12.5.5).
            self.own_field("Vary", page.vary);
            if let Some(length) = length {
                self.usual_type(page.media_type);
                if !self.sender.omits_content() {
                    self.buffer.unsent.shown = Some(Shown::new(refusal));
                }
                return length;
            }
        }
        self.usual_type("text/plain; charset=utf-8");
        let mut counted = Cursor::new(&mut []);
        emit_line(refusal, &mut counted);
        counted.count()
    }

    /// Emits the line that a refusal has for its content, which is accounted for. A page is put into
    /// the buffer when the reply is whole otherwise.
    pub(super) fn line(&mut self, refusal: &Refusal) {
        if self.buffer.unsent.shown.is_some() {
            return;
        }
        let mut free = Cursor::new(self.buffer.free());
        emit_line(refusal, &mut free);
        let (emitted, count) = (free.written(), free.count());
        self.emitted(emitted.map(drop).map_err(EmitError::from), count);
    }

    /// Puts what `render` emits behind its first `sent` octets into the buffer, as far as there is
    /// room, and counts it there. Returns whether that was all.
    pub(super) fn render(
        &mut self,
        render: &Render<'_>,
        sent: &mut usize,
    ) -> Result<bool, EmitError> {
        self.check()?;
        let was_empty = self.buffer.unsent.is_empty();
        let (mut skipped, mut gone) = (*sent, Ok(0));
        let mut is_whole = true;
        render(&mut |piece| {
            let rest = piece.get(skipped..).unwrap_or_default();
            skipped -= piece.len() - rest.len();
            if let Ok(before) = gone
                && is_whole
                && !rest.is_empty()
            {
                let now = self.content(rest);
                is_whole = now == Ok(rest.len());
                gone = now.map(|now| before + now);
            }
        });
        let gone = gone?;
        if gone == 0 && !is_whole && was_empty {
            return Err(EmitError::Full);
        }
        *sent += gone;
        Ok(is_whole)
    }

    /// Accounts for `count` octets that are all of the content, and for its end. Returns whether they
    /// are sent: not where the reply has none.
    pub(super) fn whole(&mut self, count: usize) -> bool {
        self.sender.end_whole(count);
        !self.sender.omits_content()
    }
}

/// Emits the line that a refusal has for its content.
fn emit_line(refusal: &Refusal, output: &mut Cursor<'_>) {
    let Refusal { status, reason, .. } = refusal;
    let reason = reason.line();
    push_status(*status, output);
    output.push(if reason.is_empty() { b"" } else { b": " });
    output.push(reason.as_bytes());
    output.push(b"\n");
}
