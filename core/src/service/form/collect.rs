//! `multipart/form-data` as a [`Form`], whose files are counted and thrown away.

use super::fields::{FIELD_END, NOT_UTF8, encode_size};
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
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn collect(&mut self) -> Result<bool, &'static Refusal> {
        loop {
            let event = self.parts.next()?;
            let Span { start, end } = self.parts.piece;
            let [_, name_end, file_name_end, kept] = &mut self.parts.ends;
            let is_file = name_end < file_name_end;
            let octets = self.parts.body.window().kept();
            match event {
                Event::More => return Ok(false),
                Event::Close => return Ok(true),
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
            if self.parts.ends[3] > self.parts.body.receiver().limits().form {
                return Err(TOO_LARGE);
            }
        }
    }
}
