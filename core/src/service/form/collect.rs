//! `multipart/form-data` as a [`Form`], whose files are counted, and thrown away or given on.

use super::fields::{FIELD_END, Form, NOT_UTF8, encode_size};
use super::parts::{Event, Parts};
use crate::bytes::ascii::text;
use crate::bytes::span::Span;
use crate::bytes::window::copy_down;
use crate::message::Refusal;
use crate::server::body::TOO_LARGE;
use crate::server::{Error, Receive};
use crate::service::uploads::Batch;

/// Reads all of a form. Its fields are kept at the front of the buffer, as [`Form`](super::Form) has them.
pub(super) struct Collector<'c, R> {
    pub(super) parts: Parts<'c, R>,
    /// The octets of a file that came so far.
    pub(super) size: usize,
}

impl<'c, R: Receive> Collector<'c, R> {
    /// Takes what is there. Returns [`Event::Close`] after the last of it, and [`Event::More`] before.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn collect(&mut self) -> Result<Event, &'static Refusal> {
        loop {
            match self.parts.next()? {
                event @ (Event::More | Event::Close) => return Ok(event),
                event => self.take(event)?,
            }
        }
    }

    /// Reads all of it, and gives the files to `batch`.
    pub(super) fn form_into<B: Batch>(
        mut self,
        batch: &mut B,
    ) -> impl Future<Output = Result<Form<'c>, Error<R::Error>>> {
        async move {
            let mut is_created = false;
            loop {
                let event = self.parts.next()?;
                match event {
                    Event::More => {
                        self.parts.body.read().await?;
                        continue;
                    }
                    Event::Close => break,
                    Event::Head => {
                        // Where no file was chosen, there is none with an empty name.
                        let filename = self.parts.filename().filter(|name| !name.is_empty());
                        is_created = filename.is_some();
                        if let Some(filename) = filename {
                            batch.create(filename).await?;
                        }
                    }
                    Event::Content | Event::Last => {
                        if self.parts.is_file() && self.parts.piece.length() > 0 {
                            if !is_created {
                                batch.create("").await?;
                                is_created = true;
                            }
                            batch.write(self.parts.piece.of(self.parts.body.kept())).await?;
                        }
                    }
                }
                self.take(event)?;
            }
            batch.keep().await?;
            Ok(Form::from_decoded(self.parts.into_kept()))
        }
    }

    /// Takes the head of a part, or some of its content.
    fn take(&mut self, event: Event) -> Result<(), &'static Refusal> {
        let Span { start, end } = self.parts.piece;
        let [_, name_end, file_name_end, kept] = &mut self.parts.ends;
        let is_file = name_end < file_name_end;
        let octets = self.parts.body.window().kept();
        match event {
            Event::Head if is_file => self.size = 0,
            // The type of a text is nothing to keep.
            Event::Head => *kept = *name_end,
            _ if is_file => self.size += end - start,
            _ => {
                copy_down(octets, start, end, *kept);
                *kept += end - start;
            }
        }
        if event == Event::Last {
            if is_file {
                let octets = octets.get_mut(..*file_name_end).unwrap_or_default();
                encode_size(self.size as u64, octets);
            } else if text(Span { start: *name_end, end: *kept }.of(octets)).1 > 0 {
                return Err(NOT_UTF8);
            }
            self.parts.put(FIELD_END);
            self.parts.ends[0] = self.parts.ends[3];
        }
        if self.parts.ends[3] > self.parts.body.limits().form {
            return Err(TOO_LARGE);
        }
        Ok(())
    }
}
