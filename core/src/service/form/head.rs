//! The head of a part of a multipart form (RFC 7578 §4).

use super::delimiter::MALFORMED;
use super::fields::{FILE_NAME_END, NAME_END, NOT_UTF8, Size};
use super::parts::Parts;
use crate::bytes::ascii::{pct_decoded, text};
use crate::bytes::class::is_control;
use crate::bytes::span::Span;
use crate::bytes::window::rotate;
use crate::grammar::field_line::{FieldLine, field_line};
use crate::grammar::media_type::media_type;
use crate::grammar::parameter::{parameters, position};
use crate::message::{Refusal, Status};
use crate::server::Receive;

const NOT_FORM_DATA: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part is not form-data with one name");
const ENCODED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the type or encoding of a part is not accepted");

/// The fields that are known.
const FIELDS: &[&[u8]] = &[b"Content-Disposition", b"Content-Type", b"Content-Transfer-Encoding"];
/// Transfer encodings that leave the content as it is (RFC 2045 §6.2); others are not sent (RFC 7578 §4.7).
const IDENTITIES: &[&[u8]] = &[b"7bit", b"8bit", b"binary"];
/// What an extended value begins with.
const CHARSET: &[u8] = b"UTF-8'";
const FORM_DATA: &[u8] = b"form-data";
const PARAMETERS: &[&[u8]] = &[b"name", b"filename", b"filename*"];

// What a head says, as it is kept: the indexes of where each begins.
const NAME: usize = 0;
const FILE_NAME: usize = 1;
const TYPE: usize = 2;

impl<R: Receive> Parts<'_, R> {
    /// Takes a field line of the head. Fields that are not known are ignored (RFC 7578 §4.8).
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn field_line(&mut self, line: Span) -> Result<(), &'static Refusal> {
        let octets = line.of(self.body.kept());
        let FieldLine { name, value } = field_line(octets).ok_or(MALFORMED)?;
        let (name, span, value) = (name.of(octets), value.behind(line.start), value.of(octets));
        match position(FIELDS, name) {
            Some(0) => self.disposition(span),
            // One that makes no sense says nothing (RFC 2045 §5.2).
            Some(1) => match media_type(value) {
                Some(media_type) if media_type.kind.eq_ignore_ascii_case(b"multipart") => {
                    Err(ENCODED)
                }
                Some(_) => self.add(TYPE, span, true),
                None => Ok(()),
            },
            Some(_) if position(IDENTITIES, value).is_none() => Err(ENCODED),
            _ => Ok(()),
        }
    }

    fn disposition(&mut self, span: Span) -> Result<(), &'static Refusal> {
        let value = span.of(self.body.kept());
        let mut found = [Span::default(); 3];
        let kind = value.get(..FORM_DATA.len()).unwrap_or_default();
        let is_form_data = kind.eq_ignore_ascii_case(FORM_DATA)
            && parameters(value, FORM_DATA.len(), PARAMETERS, &mut found);
        let [name, plain, extended] = found;
        if !is_form_data || name.end == 0 {
            return Err(NOT_FORM_DATA);
        }
        let name = name.behind(span.start);
        // The extended one wins, if it makes sense (RFC 6266 §4.3).
        let (mut file_name, mut is_extended) = (plain.behind(span.start), false);
        if extended.end > 0 {
            let extended = extended.behind(span.start);
            let octets = self.body.window().kept().get_mut(extended.start..extended.end);
            if let Some(decoded) = octets.and_then(decode_extended) {
                (file_name, is_extended) = (decoded.behind(extended.start), true);
            } else if plain.end == 0 {
                return Err(MALFORMED);
            }
        }
        // In the order in which they stand, so that neither is overwritten before it is kept.
        let is_behind = file_name.start < name.start;
        for is_first in [true, false] {
            if is_first != is_behind {
                self.add(NAME, name, false)?;
            } else if is_extended || plain.end > 0 {
                self.add(FILE_NAME, file_name, is_extended)?;
            }
        }
        Ok(())
    }

    /// Decodes a piece, and keeps it in its place.
    ///
    /// Browsers write a quote, CR and LF in a name by a percent sign, and a percent sign as it is
    /// (WHATWG HTML, multipart/form-data encoding algorithm); others put a backslash before a quote and a
    /// backslash. Other backslashes are part of a path, most likely.
    fn add(
        &mut self,
        index: usize,
        mut span: Span,
        is_decoded: bool,
    ) -> Result<(), &'static Refusal> {
        let [.., start] = self.ends;
        let Some(&[place, end, ..]) = self.ends.get(index..) else { return Err(MALFORMED) };
        if place != end {
            return Err(MALFORMED);
        }
        let value = span.of(self.body.kept());
        let is_quoted = !is_decoded && value.starts_with(b"\"");
        if is_quoted {
            span = Span { start: span.start + 1, end: span.end - 1 };
        }
        loop {
            let rest = span.of(self.body.kept());
            let (octet, length) = match rest {
                [] => break,
                [b'\\', octet @ (b'"' | b'\\'), ..] if is_quoted => (*octet, 2),
                [b'%', b'2', b'2', ..] | [b'%', b'0', b'A' | b'D', ..] if is_quoted => {
                    (rest.get(1..).and_then(pct_decoded).ok_or(MALFORMED)?, 3)
                }
                [octet, ..] => (*octet, 1),
            };
            self.put(octet);
            span.start += length;
        }
        let decoded = Span { start, end: self.ends[3] };
        if text(decoded.of(self.body.kept())).1 > 0 {
            return Err(NOT_UTF8);
        }
        match index {
            NAME => self.put(NAME_END),
            FILE_NAME => {
                self.put(FILE_NAME_END);
                // There has to be room for it once it is known.
                for _ in 0..size_of::<Size>() {
                    self.put(0);
                }
            }
            _ => {}
        }
        // In front of those that come after it.
        let [.., end] = self.ends;
        rotate(self.body.window().kept(), place, start, end);
        for after in self.ends.get_mut(index + 1..3).unwrap_or_default() {
            *after += end - start;
        }
        Ok(())
    }

    /// Whether the head says what it has to.
    pub(super) fn end_head(&self) -> Result<(), &'static Refusal> {
        let [start, name_end, ..] = self.ends;
        if name_end > start { Ok(()) } else { Err(NOT_FORM_DATA) }
    }
}

/// Decodes an extended value in place, and says where in it the text stands; `None` if it is none.
///
/// ```abnf
/// ext-value   = charset "'" [ language ] "'" value-chars           ; RFC 8187 §3.2.1
/// value-chars = *( pct-encoded / attr-char )
/// attr-char   = <any tchar but "*", "'" and "%">
/// ```
/// Scripts leave `*` and `'` as they are; both are taken.
// In place, since the parameter that is taken without it may stand before.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn decode_extended(value: &mut [u8]) -> Option<Span> {
    let (charset, behind) = value.split_at_checked(CHARSET.len())?;
    let language = behind.iter().position(|&octet| octet == b'\'')?;
    if !charset.eq_ignore_ascii_case(CHARSET) {
        return None;
    }
    let start = CHARSET.len() + language + 1;
    let (mut read, mut end) = (start, start);
    while let Some([octet, after @ ..]) = value.get(read..) {
        let (octet, length) = match octet {
            b'%' => (pct_decoded(after)?, 3),
            octet => (*octet, 1),
        };
        if is_control(octet) {
            return None;
        }
        *value.get_mut(end)? = octet;
        end += 1;
        read += length;
    }
    let decoded = Span { start, end };
    (text(decoded.of(value)).1 == 0).then_some(decoded)
}
