//! `multipart/form-data` as a [`Form`], whose files are counted and thrown away.

use super::fields::{END, NOT_UTF8, Size, encode_size};
use super::parts::{Event, Parts};
use crate::bytes::ascii::text;
use crate::bytes::span::Span;
use crate::bytes::window::copy_down;
use crate::message::Refusal;
use crate::server::Receive;
use crate::server::body::TOO_LARGE;

/// Reads all of a form. Its fields are kept at the front of the buffer, as [`Form`](super::Form) has them.
pub(super) struct Collector<'c, R> {
    pub(super) parts: Parts<'c, R>,
    /// The octets of a file that came so far.
    pub(super) size: usize,
}

impl<R: Receive> Collector<'_, R> {
    /// Takes what is there. Returns whether that was the last of it.
    pub(super) fn collect(&mut self) -> Result<bool, &'static Refusal> {
        while let Some(event) = self.parts.next()? {
            let [_, name_end, file_name_end, kept] = self.parts.ends;
            match event {
                Event::Close => return Ok(true),
                Event::Head if self.parts.is_file() => self.size = 0,
                // The type of a text is nothing to keep.
                Event::Head => self.parts.ends[3] = name_end,
                Event::Content(Span { start, end }, is_last) => {
                    if self.parts.is_file() {
                        self.size += end - start;
                    } else {
                        copy_down(self.parts.body.window().kept(), start, end, kept);
                        self.parts.ends[3] += end - start;
                    }
                    if is_last {
                        if self.parts.is_file() {
                            let place = file_name_end - size_of::<Size>()..file_name_end;
                            let kept = self.parts.body.window().kept();
                            encode_size(self.size as u64, kept.get_mut(place).unwrap_or_default());
                        } else {
                            let value = Span { start: name_end, end: self.parts.ends[3] };
                            if text(value.of(self.parts.body.kept())).1 > 0 {
                                return Err(NOT_UTF8);
                            }
                        }
                        for octet in END {
                            self.parts.put(*octet);
                        }
                        self.parts.ends[0] = self.parts.ends[3];
                    }
                }
            }
            if self.parts.ends[3] > self.parts.body.receiver().limits().form {
                return Err(TOO_LARGE);
            }
        }
        Ok(false)
    }
}
