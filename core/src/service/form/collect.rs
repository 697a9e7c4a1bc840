//! `multipart/form-data` as a [`Form`], whose files are counted and thrown away.

use super::delimiter::{Delimiters, Event};
use super::fields::{END, FILE_NAME_END, Form, NAME_END, NOT_UTF8, TYPE_END, encode_size};
use super::part::PartHead;
use super::parts::Parts;
use crate::bytes::ascii::text;
use crate::bytes::span::Span;
use crate::message::Refusal;
use crate::server::body::TOO_LARGE;
use crate::server::{Body, Error, Receive};
use crate::service::uploads::Batch;

/// Reads all of a form. Its fields are kept at the front of the buffer, as [`Form`] has them.
pub(super) struct Collector<'c, R> {
    parts: Parts<'c, R>,
    value: Value,
}

/// What was read of a part.
#[derive(Clone, Copy)]
enum Value {
    /// The text that begins here.
    Text(usize),
    /// So much of a file.
    File(u64),
}

impl<'c, R: Receive> Collector<'c, R> {
    pub(super) const fn new(body: Body<'c, R>, delimiters: Delimiters<'c>) -> Self {
        Self { parts: Parts::new(body, delimiters), value: Value::File(0) }
    }

    /// All of the form.
    pub(super) fn form(mut self) -> impl Future<Output = Result<Form<'c>, Error<R::Error>>> {
        async move {
            while !self.collect()? {
                self.parts.body.read().await?;
            }
            Ok(self.into_form())
        }
    }

    /// All of the form, whose files go into `batch`.
    pub(super) fn form_into<B: Batch>(
        mut self,
        batch: &mut B,
    ) -> impl Future<Output = Result<Form<'c>, Error<R::Error>>> {
        async move {
            let mut is_created = false;
            loop {
                let Some(event) = self.parts.next()? else {
                    self.parts.body.read().await?;
                    continue;
                };
                let octets = match (event, self.value) {
                    (Event::HeadEnd, _) => {
                        let filename = self.parts.filename().unwrap_or_default();
                        // Where no file was chosen, there is none with an empty name.
                        is_created = !filename.is_empty();
                        if is_created {
                            batch.create(filename).await?;
                        }
                        b""
                    }
                    (Event::Content(length), Value::File(_)) => {
                        self.parts.last(length).of(self.parts.octets())
                    }
                    (Event::Held(octets), Value::File(_)) => octets,
                    _ => b"",
                };
                if !octets.is_empty() {
                    if !is_created {
                        batch.create("").await?;
                        is_created = true;
                    }
                    batch.write(octets).await?;
                }
                if self.take(event)? {
                    break;
                }
            }
            batch.keep().await?;
            Ok(self.into_form())
        }
    }

    fn into_form(mut self) -> Form<'c> {
        let kept = self.parts.kept();
        self.parts.body.window().keep_first(kept);
        Form::from_decoded(self.parts.body.into_kept())
    }

    /// Takes what is there. Returns whether that was the last of it.
    fn collect(&mut self) -> Result<bool, &'static Refusal> {
        while let Some(event) = self.parts.next()? {
            if self.take(event)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what comes next. Returns whether that was the last of it.
    fn take(&mut self, event: Event<'c>) -> Result<bool, &'static Refusal> {
        match (event, &mut self.value) {
            (Event::Close, _) => return Ok(true),
            (Event::PartEnd, _) => self.end_field()?,
            (Event::Content(length), Value::Text(_)) => {
                self.parts.keep(self.parts.last(length));
            }
            (Event::Held(octets), Value::Text(_)) => self.parts.push(octets),
            (Event::Content(length), Value::File(size)) => *size += length as u64,
            (Event::Held(octets), Value::File(size)) => *size += octets.len() as u64,
            _ => self.begin_field(),
        }
        if self.parts.kept() > self.parts.body.receiver().limits().form {
            return Err(TOO_LARGE);
        }
        Ok(false)
    }

    /// Keeps what the head of a part says in place of the head, which is longer.
    fn begin_field(&mut self) {
        let PartHead { name, file_name, content_type } = self.parts.head();
        let mut pieces = [
            (Some(name), NAME_END),
            (file_name, FILE_NAME_END),
            (content_type.filter(|_| file_name.is_some()), TYPE_END),
        ];
        self.parts.truncate(self.parts.before_head());
        // In the order in which they stand, so that none is overwritten before it is kept.
        for _ in 0..pieces.len() {
            let place = |(span, _): &&mut (Option<Span>, u8)| span.map_or(usize::MAX, |s| s.start);
            if let Some((span, end)) = pieces.iter_mut().min_by_key(place)
                && let Some(span) = span.take()
            {
                self.parts.keep(span);
                self.parts.push(&[*end]);
            }
        }
        self.value = if file_name.is_some() {
            // There has to be room once the size is known.
            self.parts.push(&encode_size(0));
            self.parts.push(END);
            Value::File(0)
        } else {
            Value::Text(self.parts.kept())
        };
    }

    fn end_field(&mut self) -> Result<(), &'static Refusal> {
        let kept = self.parts.kept();
        match self.value {
            Value::Text(start) => {
                let value = Span { start, end: kept };
                if text(value.of(self.parts.octets())).1 > 0 {
                    return Err(NOT_UTF8);
                }
                self.parts.push(END);
            }
            Value::File(size) => {
                let size = encode_size(size);
                self.parts.truncate(kept - size.len() - END.len());
                self.parts.push(&size);
                self.parts.push(END);
            }
        }
        self.parts.truncate(self.parts.kept());
        Ok(())
    }
}
