//! The head of a part of a multipart form (RFC 7578 §4).

use crate::bytes::ascii::{pct_decoded, text};
use crate::bytes::class::are_field;
use crate::bytes::span::Span;
use crate::grammar::field_line::{FieldLine, field_line};
use crate::grammar::media_type::media_type;
use crate::grammar::parameter::{Parameter, parameters};
use crate::message::{Refusal, Status};

const FIELD_LINE: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part of the form has a malformed field line");
const NO_DISPOSITION: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part of the form has no Content-Disposition");
const REPEATED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part of the form has a field or parameter twice");
const NOT_FORM_DATA: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the Content-Disposition of a part must be form-data");
const DISPOSITION: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the Content-Disposition of a part is malformed");
const NO_NAME: &Refusal = &Refusal::new(Status::BAD_REQUEST, "a part of the form has no name");
const NAME_NOT_UTF8: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a name in the form is not in UTF-8");
const EXTENDED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a filename* in the form is not percent-encoded UTF-8");
const CONTENT_TYPE: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the Content-Type of a part is malformed");
const NESTED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part of the form must not be multipart itself");
const ENCODED: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "a part of the form has a transfer encoding");

/// What the head of a part says, as positions in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartHead {
    /// The name of the field.
    pub(super) name: Span,
    /// The name of the file, if it is one.
    pub(super) file_name: Option<Span>,
    /// The value of Content-Type, if there is one.
    pub(super) content_type: Option<Span>,
}

impl PartHead {
    /// That of no part.
    pub(super) const NONE: Self =
        Self { name: Span { start: 0, end: 0 }, file_name: None, content_type: None };

    /// The same, when `offset` octets stand before the head.
    pub(super) fn behind(self, offset: usize) -> Self {
        let behind = |span: Span| span.behind(offset);
        Self {
            name: behind(self.name),
            file_name: self.file_name.map(behind),
            content_type: self.content_type.map(behind),
        }
    }

    /// Reads the field lines in `head`, each with its CRLF, and decodes the names in place. Fields that
    /// are not known are ignored (RFC 7578 §4.8).
    ///
    /// # Errors
    /// The answer to what is no part of a form.
    pub(super) fn parse(head: &mut [u8]) -> Result<Self, &'static Refusal> {
        let (mut name, mut file_name, mut extended) = (None, None, None);
        let (mut disposition, mut content_type, mut encoding) = (None, None, None);
        let mut start = 0;
        while let Some(rest @ [_, ..]) = head.get(start..) {
            // No CR stands alone.
            let length = rest.iter().position(|&octet| octet == b'\r').unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            let FieldLine { name, value } =
                field_line(line).filter(|_| are_field(line)).ok_or(FIELD_LINE)?;
            let known: [(&[u8], _); 3] = [
                (b"Content-Disposition", &mut disposition),
                (b"Content-Type", &mut content_type),
                (b"Content-Transfer-Encoding", &mut encoding),
            ];
            for (known, place) in known {
                if known.eq_ignore_ascii_case(name.of(line)) {
                    set(place, value.behind(start))?;
                }
            }
            start += length + 2;
        }

        let disposition = disposition.ok_or(NO_DISPOSITION)?;
        let value = disposition.of(head);
        let kind = b"form-data";
        let end = value
            .iter()
            .position(|octet| matches!(octet, b';' | b' ' | b'\t'))
            .unwrap_or(value.len());
        if !value.get(..end).is_some_and(|found| found.eq_ignore_ascii_case(kind)) {
            return Err(NOT_FORM_DATA);
        }
        let mut is_once = Ok(());
        let is_whole = parameters(value, end, &mut |parameter| {
            let known: [(&[u8], _); 3] = [
                (b"name", &mut name),
                (b"filename", &mut file_name),
                (b"filename*", &mut extended),
            ];
            for (known, place) in known {
                if known.eq_ignore_ascii_case(parameter.name.of(value)) {
                    is_once = is_once.and(set(place, parameter));
                }
            }
        });
        if !is_whole {
            return Err(DISPOSITION);
        }
        is_once?;
        let name = name.ok_or(NO_NAME)?;

        if let Some(span) = content_type {
            let value = media_type(span.of(head)).ok_or(CONTENT_TYPE)?;
            if value.kind.eq_ignore_ascii_case(b"multipart") {
                return Err(NESTED);
            }
            if text(span.of(head)).1 > 0 {
                return Err(CONTENT_TYPE);
            }
        }
        // They leave the content as it is (RFC 2045 §6.2); and no others are sent (RFC 7578 §4.7).
        if let Some(span) = encoding {
            let identities: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];
            let encoding = span.of(head);
            if !identities.iter().any(|identity| identity.eq_ignore_ascii_case(encoding)) {
                return Err(ENCODED);
            }
        }

        let mut decode = |parameter: Parameter, is_extended| {
            let value = parameter.value.behind(disposition.start);
            if is_extended && !parameter.is_quoted {
                decode_extended(head, value).ok_or(EXTENDED)
            } else if is_extended {
                Err(EXTENDED)
            } else {
                let end = if parameter.is_quoted { unquote(head, value) } else { value.end };
                let span = Span { end, ..value };
                if text(span.of(head)).1 == 0 { Ok(span) } else { Err(NAME_NOT_UTF8) }
            }
        };
        let name = decode(name, false)?;
        // The extended one wins (RFC 6266 §4.3).
        let file_name = match (extended, file_name) {
            (Some(extended), _) => Some(decode(extended, true)?),
            (None, Some(plain)) => Some(decode(plain, false)?),
            (None, None) => None,
        };
        Ok(Self { name, file_name, content_type })
    }
}

/// Sets what may be set once.
fn set<T>(place: &mut Option<T>, value: T) -> Result<(), &'static Refusal> {
    if place.replace(value).is_some() { Err(REPEATED) } else { Ok(()) }
}

/// Decodes what stands between quotes, in place. Returns where it ends then.
///
/// Browsers write a quote, CR and LF in a name by a percent sign, and a percent sign as it is
/// (WHATWG HTML, multipart/form-data encoding algorithm); others put a backslash before a quote and a
/// backslash.
fn unquote(head: &mut [u8], span: Span) -> usize {
    let (mut read, mut written) = (span.start, span.start);
    while let Some(rest @ [first, ..]) = head.get(read..span.end) {
        let (octet, length) = match rest {
            [b'\\', octet @ (b'"' | b'\\'), ..] => (*octet, 2),
            [b'%', b'2', b'2', ..] => (b'"', 3),
            [b'%', b'0', b'D', ..] => (b'\r', 3),
            [b'%', b'0', b'A', ..] => (b'\n', 3),
            _ => (*first, 1),
        };
        put(head, written, octet);
        (read, written) = (read + length, written + 1);
    }
    written
}

/// Decodes an extended value in place. Returns where it stands then; `None` where it is none in UTF-8,
/// or holds a control.
///
/// ```abnf
/// ext-value   = charset "'" [ language ] "'" value-chars           ; RFC 8187 §3.2.1
/// value-chars = *( pct-encoded / attr-char )
/// attr-char   = <any tchar but "*", "'" and "%">
/// ```
fn decode_extended(head: &mut [u8], span: Span) -> Option<Span> {
    let value = span.of(head);
    let mut divided = value.splitn(3, |&octet| octet == b'\'');
    let (charset, _, chars) = (divided.next()?, divided.next()?, divided.next()?);
    if !charset.eq_ignore_ascii_case(b"UTF-8") {
        return None;
    }
    let start = span.end - chars.len();
    let (mut read, mut end) = (start, start);
    while let Some([first, rest @ ..]) = head.get(read..span.end) {
        let (octet, length) = match first {
            b'%' => (pct_decoded(rest)?, 3),
            b'*' | b'\'' => return None,
            octet => (*octet, 1),
        };
        put(head, end, octet);
        (read, end) = (read + length, end + 1);
    }
    let decoded = Span { start, end };
    let octets = decoded.of(head);
    (text(octets).1 == 0 && are_field(octets)).then_some(decoded)
}

fn put(head: &mut [u8], at: usize, octet: u8) {
    if let Some(place) = head.get_mut(at) {
        *place = octet;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// Name, file name and type, or the reason of the refusal.
    fn parse(head: &[u8]) -> Result<(String, Option<String>, Option<String>), &'static str> {
        let mut head = head.to_vec();
        let part = PartHead::parse(&mut head).map_err(|refusal| refusal.reason)?;
        let text = |span: Span| String::from_utf8(span.of(&head).to_vec()).unwrap();
        Ok((text(part.name), part.file_name.map(text), part.content_type.map(text)))
    }

    fn named(disposition: &str) -> Result<(String, Option<String>), &'static str> {
        let head = std::format!("Content-Disposition: {disposition}\r\n");
        parse(head.as_bytes()).map(|(name, file_name, _)| (name, file_name))
    }

    #[test]
    fn names_are_decoded_as_they_are_written() {
        for (parameters, name, file_name) in [
            ("name=a", "a", None),
            ("NAME=\"a\"", "a", None),
            ("name=\"\"", "", None),
            ("name=\"a b;c\"; filename=\"\"", "a b;c", Some("")),
            ("filename=\"\u{e9}.txt\"; name=\"\u{e9}\"", "\u{e9}", Some("\u{e9}.txt")),
            ("name=\"\\\"\\\\\\a\\%22%0D%0A%0d%41%\"", "\"\\\\a\\\"\r\n%0d%41%", None),
            ("name=a%22b", "a%22b", None),
            ("name=a; filename=\"C:\\dir\\a.txt\"", "a", Some("C:\\dir\\a.txt")),
            ("name=a; filename*=UTF-8\'\'%e2%82%AC.txt", "a", Some("\u{20ac}.txt")),
            ("filename*=utf-8\'en\'a%20b; filename=\"x\"; name=a", "a", Some("a b")),
            ("name=a; filename=\"x\"; filename*=UTF-8\'\'", "a", Some("")),
            ("name=a; other=b; filenames=c;", "a", None),
        ] {
            let found = named(&std::format!("form-data; {parameters}"));
            assert_eq!(found, Ok((name.into(), file_name.map(String::from))), "{parameters}");
        }
    }

    #[test]
    fn what_is_no_part_of_a_form_is_refused() {
        for (disposition, refusal) in [
            ("form-data", NO_NAME),
            ("form-data; filename=a", NO_NAME),
            ("form-data; name*=UTF-8\'\'a", NO_NAME),
            ("attachment; name=a", NOT_FORM_DATA),
            ("form-data2; name=a", NOT_FORM_DATA),
            ("", NOT_FORM_DATA),
            ("form-data name=a", DISPOSITION),
            ("form-data; name", DISPOSITION),
            ("form-data; name=\"a", DISPOSITION),
            ("form-data; name=a b", DISPOSITION),
            ("form-data; name=a; NAME=a", REPEATED),
            ("form-data; name=a; filename=a; filename=\"a\"", REPEATED),
            ("form-data; name=a; filename*=UTF-8\'\'a; filename*=UTF-8\'\'a", REPEATED),
            ("form-data; name=a; filename*=ISO-8859-1\'\'%E9", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'\'%E9", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'\'%0D%0A", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'\'%00", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'\'%4", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'\'a*", EXTENDED),
            ("form-data; name=a; filename*=UTF-8\'a", EXTENDED),
            ("form-data; name=a; filename*=\"UTF-8\'\'a\"", EXTENDED),
            ("form-data; name=\"a\0\"", FIELD_LINE),
        ] {
            assert_eq!(named(disposition), Err(refusal.reason), "{disposition}");
        }
        let head = b"Content-Disposition: form-data; name=\"\xe9\"\r\n";
        assert_eq!(parse(head), Err(NAME_NOT_UTF8.reason));
    }

    #[test]
    fn other_fields_count_as_far_as_they_are_known() {
        for (fields, expected) in [
            ("", Ok(None)),
            ("X: \u{e9}\r\nContent-Length: x\r\n", Ok(None)),
            ("content-type:text/plain; charset=UTF-8 \r\n", Ok(Some("text/plain; charset=UTF-8"))),
            ("Content-Transfer-Encoding: BINARY\r\n", Ok(None)),
            ("Content-Transfer-Encoding: 8bit\r\n", Ok(None)),
            ("Content-Transfer-Encoding: base64\r\n", Err(ENCODED)),
            ("Content-Transfer-Encoding: \r\n", Err(ENCODED)),
            ("Content-Type: text\r\n", Err(CONTENT_TYPE)),
            ("Content-Type: multipart/mixed; boundary=b\r\n", Err(NESTED)),
            ("Content-Type: a/b\r\nContent-type: a/b\r\n", Err(REPEATED)),
            ("Content-Disposition: form-data; name=a\r\n", Err(REPEATED)),
            ("X : a\r\n", Err(FIELD_LINE)),
            (" folded\r\n", Err(FIELD_LINE)),
            ("X: \x01\r\n", Err(FIELD_LINE)),
        ] {
            let head = std::format!("Content-Disposition: form-data; name=a\r\n{fields}");
            let expected = expected
                .map(|content_type| ("a".into(), None, content_type.map(String::from)))
                .map_err(|refusal: &Refusal| refusal.reason);
            assert_eq!(parse(head.as_bytes()), expected, "{fields}");
        }
        assert_eq!(parse(b"").unwrap_err(), NO_DISPOSITION.reason);
        assert_eq!(parse(b"Content-Type: a/b\r\n").unwrap_err(), NO_DISPOSITION.reason);
    }
}
