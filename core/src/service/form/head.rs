//! The head of a part of a multipart form (RFC 7578 §4).

use super::delimiter::MALFORMED;
use super::fields::{FILE_NAME_END, NAME_END, NOT_UTF8, Size};
use super::parts::Parts;
use crate::bytes::ascii::{pct_decoded, text};
use crate::bytes::class::is_control;
use crate::bytes::span::Span;
use crate::bytes::window::rotate;
use crate::fast::first;
use crate::grammar::field_line::field_line;
use crate::grammar::media_type::media_type;
use crate::grammar::parameter::parameters;
use crate::message::{Refusal, Status};
use crate::server::Receive;

const NOT_FORM_DATA: &Refusal = &Refusal::new(
    Status::BAD_REQUEST,
    "each part needs Content-Disposition: form-data with one name",
);
const ENCODED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "no part may be multipart itself, or encoded");

/// What the head of a part says, in the order in which it is kept.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Name,
    FileName,
    Type,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    /// Between quotes.
    Quoted,
    /// As an extended value.
    Extended,
}

impl<R: Receive> Parts<'_, R> {
    /// Takes a field line of the head. Fields that are not known are ignored (RFC 7578 §4.8).
    pub(super) fn field_line(&mut self, line: Span) -> Result<(), &'static Refusal> {
        let octets = self.body.kept();
        let field = field_line(line.of(octets)).ok_or(MALFORMED)?;
        let name = field.name.behind(line.start).of(octets);
        let span = field.value.behind(line.start);
        let value = span.of(octets);
        let known: [&[u8]; 3] =
            [b"Content-Disposition", b"Content-Type", b"Content-Transfer-Encoding"];
        match known.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            Some(0) => self.disposition(span),
            Some(1) => match media_type(value) {
                Some(media_type) if !media_type.kind.eq_ignore_ascii_case(b"multipart") => {
                    self.add(Piece::Type, span, Style::Plain)
                }
                _ => Err(ENCODED),
            },
            // These leave the content as it is (RFC 2045 §6.2), and no others are sent (RFC 7578 §4.7).
            Some(_) => {
                let identities: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];
                let is_one = |identity: &&[u8]| identity.eq_ignore_ascii_case(value);
                if identities.iter().any(is_one) { Ok(()) } else { Err(ENCODED) }
            }
            None => Ok(()),
        }
    }

    fn disposition(&mut self, span: Span) -> Result<(), &'static Refusal> {
        const KIND: &[u8] = b"form-data";
        let value = span.of(self.body.kept());
        let mut known: [(&[u8], Option<Span>); 3] =
            [(b"name", None), (b"filename", None), (b"filename*", None)];
        let is_form_data = value.get(..KIND.len()).is_some_and(|k| k.eq_ignore_ascii_case(KIND))
            && parameters(value, KIND.len(), &mut known);
        let [(_, Some(name)), (_, file_name), (_, extended)] = known else {
            return Err(NOT_FORM_DATA);
        };
        if !is_form_data {
            return Err(NOT_FORM_DATA);
        }
        let named = Some((Piece::Name, name, Style::Plain));
        // The extended one wins (RFC 6266 §4.3).
        let file_name = match (extended, file_name) {
            (Some(extended), _) => Some((Piece::FileName, extended, Style::Extended)),
            (None, Some(plain)) => Some((Piece::FileName, plain, Style::Plain)),
            (None, None) => None,
        };
        // In the order in which they stand, so that neither is overwritten before it is kept.
        let pieces = match file_name {
            Some((_, value, _)) if value.start < name.start => [file_name, named],
            _ => [named, file_name],
        };
        for (piece, value, style) in pieces.into_iter().flatten() {
            self.add(piece, value.behind(span.start), style)?;
        }
        Ok(())
    }

    /// Decodes a piece, and keeps it in its place.
    ///
    /// Browsers write a quote, CR and LF in a name by a percent sign, and a percent sign as it is
    /// (WHATWG HTML, multipart/form-data encoding algorithm); others put a backslash before a quote and a
    /// backslash. Other backslashes are part of a path, most likely.
    ///
    /// ```abnf
    /// ext-value   = charset "'" [ language ] "'" value-chars           ; RFC 8187 §3.2.1
    /// value-chars = *( pct-encoded / attr-char )
    /// attr-char   = <any tchar but "*", "'" and "%">
    /// ```
    fn add(&mut self, piece: Piece, mut span: Span, mut style: Style) -> Result<(), &'static Refusal> {
        let index = piece as usize;
        let place = self.ends.get(index).copied().unwrap_or_default();
        if self.ends.get(index + 1) != Some(&place) {
            return Err(MALFORMED);
        }
        let value = span.of(self.body.kept());
        if style == Style::Extended {
            let language = value
                .split_at_checked(6)
                .filter(|(charset, _)| charset.eq_ignore_ascii_case(b"UTF-8'"))
                .and_then(|(_, behind)| first(behind, b'\''));
            span.start += 7 + language.ok_or(MALFORMED)?;
        } else if let [b'"', ..] = value {
            style = Style::Quoted;
            span = Span { start: span.start + 1, end: span.end - 1 };
        }
        let [.., start] = self.ends;
        loop {
            let rest = span.of(self.body.kept());
            let (octet, length) = match (style, rest) {
                (_, []) => break,
                (Style::Quoted, [b'\\', octet @ (b'"' | b'\\'), ..]) => (*octet, 2),
                (Style::Quoted, [b'%', b'2', b'2', ..] | [b'%', b'0', b'A' | b'D', ..])
                | (Style::Extended, [b'%', ..]) => {
                    (rest.get(1..).and_then(pct_decoded).ok_or(MALFORMED)?, 3)
                }
                (Style::Extended, [b'*' | b'\'', ..]) => return Err(MALFORMED),
                (_, [octet, ..]) => (*octet, 1),
            };
            if style == Style::Extended && is_control(octet) {
                return Err(MALFORMED);
            }
            self.put(octet);
            span.start += length;
        }
        let decoded = Span { start, end: self.ends[3] };
        if text(decoded.of(self.body.kept())).1 > 0 {
            return Err(NOT_UTF8);
        }
        match piece {
            Piece::Name => self.put(NAME_END),
            Piece::FileName => {
                self.put(FILE_NAME_END);
                // There has to be room for it once it is known.
                for _ in 0..size_of::<Size>() {
                    self.put(0);
                }
            }
            Piece::Type => {}
        }
        // In front of those that come after it.
        let Span { start, end } = Span { end: self.ends[3], ..decoded };
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
