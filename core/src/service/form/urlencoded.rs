//! `application/x-www-form-urlencoded`, as the WHATWG URL standard parses it (§5.1).

use crate::bytes::ascii::{as_str, pct_decoded, text};
use crate::bytes::take::{take_octet, take_while};

/// After a name, when a value follows. No octet of UTF-8 is like this one or the next.
const NAME_END: u8 = 0xfe;
/// Between two fields.
const FIELD_END: u8 = 0xff;
const REPLACEMENT: &str = "\u{fffd}";

/// The fields of a form, decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'c> {
    /// Names and values in UTF-8, divided by [`NAME_END`] and [`FIELD_END`].
    decoded: &'c [u8],
}

impl<'c> Form<'c> {
    /// Decodes `content` in place. `None` when it is not UTF-8 as it stands.
    ///
    /// A plus is a space. A percent sign that begins no pct-encoded octet stands for itself.
    /// Pct-encoded octets that are not UTF-8 become U+FFFD. Nothing here can make one field of two,
    /// or two of one.
    pub fn decode(content: &'c mut [u8]) -> Option<Self> {
        if text(content).1 > 0 {
            return None;
        }
        let mut writer = Writer { content, written: 0, partial: 0 };
        let (mut read, mut in_name, mut is_empty) = (0, true, true);
        while let Some(&octet) = writer.content.get(read) {
            read += 1;
            let after = writer.content.get(read..).unwrap_or_default();
            if octet == b'%'
                && let Some(decoded) = pct_decoded(after)
            {
                read += 2;
                is_empty = false;
                writer.decoded(decoded);
                continue;
            }
            writer.end_partial();
            let octet = match octet {
                b'&' if is_empty => continue,
                b'&' => FIELD_END,
                b'=' if in_name => NAME_END,
                b'+' => b' ',
                other => other,
            };
            writer.put(octet);
            is_empty = octet == FIELD_END;
            in_name = is_empty || in_name && octet != NAME_END;
        }
        writer.end_partial();
        let Writer { content, written, .. } = writer;
        Some(Self { decoded: content.get(..written).unwrap_or_default() })
    }

    /// Fields that [`Submissions::recall`](crate::service::Submissions::recall) put into a buffer.
    pub const fn from_decoded(decoded: &'c [u8]) -> Self {
        Self { decoded }
    }

    /// Names and values in the order they were sent. A field without an equals sign has an empty
    /// value.
    pub fn iter(&self) -> impl Iterator<Item = (&'c str, &'c str)> + Clone + use<'c> {
        Fields { rest: self.decoded }
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &str) -> Option<&'c str> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// One field, as [`from_decoded`](Self::from_decoded) takes it.
    pub(crate) fn encode_field<'a>(name: &'a str, value: &'a str) -> [&'a [u8]; 4] {
        [name.as_bytes(), &[NAME_END], value.as_bytes(), &[FIELD_END]]
    }
}

#[derive(Clone)]
struct Fields<'c> {
    rest: &'c [u8],
}

impl<'c> Iterator for Fields<'c> {
    type Item = (&'c str, &'c str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut value = take_while(&mut self.rest, |octet| octet != FIELD_END);
        take_octet(&mut self.rest, FIELD_END);
        let name = take_while(&mut value, |octet| octet != NAME_END);
        take_octet(&mut value, NAME_END);
        // Only UTF-8 was decoded.
        Some((as_str(name), as_str(value)))
    }
}

/// Writes into the octets that were read already: nothing decodes to more than it was.
struct Writer<'c> {
    content: &'c mut [u8],
    written: usize,
    /// Pct-encoded octets at the end of what is written that may become a character with those that
    /// follow. What is not encoded never completes one: it was checked to be characters by itself.
    partial: usize,
}

impl Writer<'_> {
    fn put(&mut self, octet: u8) {
        if let Some(slot) = self.content.get_mut(self.written) {
            *slot = octet;
        }
        self.written += 1;
    }

    /// Takes a pct-encoded octet, decoded.
    fn decoded(&mut self, octet: u8) {
        self.put(octet);
        self.partial += 1;
        let sequence = self.content.get(self.written - self.partial..self.written);
        let (_, fault) = text(sequence.unwrap_or_default());
        if fault == 0 {
            self.partial = 0;
        } else if fault < self.partial {
            // The sequence broke off, and this octet begins another.
            self.end_partial();
            self.decoded(octet);
        }
    }

    fn end_partial(&mut self) {
        if self.partial > 0 {
            self.written -= self.partial;
            self.partial = 0;
            for octet in REPLACEMENT.bytes() {
                self.put(octet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn fields(content: &[u8]) -> Option<Vec<(String, String)>> {
        let mut content = content.to_vec();
        let form = Form::decode(&mut content)?;
        Some(form.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn fields_are_divided_before_they_are_decoded() {
        for (content, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("a", &[("a", "")]),
            ("&a&&b&", &[("a", ""), ("b", "")]),
            ("=", &[("", "")]),
            ("=a&b=&=", &[("", "a"), ("b", ""), ("", "")]),
            ("a=b=c==", &[("a", "b=c==")]),
            ("a%3Db=%26+%2B%25", &[("a=b", "& +%")]),
            ("a=%&b=%4&c=%zz&%", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("%", "")]),
            ("a=%%41%4%41", &[("a", "%A%4A")]),
            ("\u{e9}=%C3%A9", &[("\u{e9}", "\u{e9}")]),
            ("a=%F0%9F%98%80%00", &[("a", "\u{1f600}\0")]),
            ("a=%FF%FE&%C3=%C3", &[("a", "\u{fffd}\u{fffd}"), ("\u{fffd}", "\u{fffd}")]),
            ("a=%F0%9F%41%C3%C3%A9", &[("a", "\u{fffd}A\u{fffd}\u{e9}")]),
            ("a=%C3\u{e9}", &[("a", "\u{fffd}\u{e9}")]),
            ("%00", &[("\0", "")]),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, value)| (String::from(*name), String::from(*value)))
                .collect();
            assert_eq!(fields(content.as_bytes()), Some(expected), "{content}");
        }
        assert_eq!(fields(b"a=\xff"), None);
        assert_eq!(fields(b"a=\xc3&b"), None);
    }

    #[test]
    fn every_octet_survives_its_encoding() {
        for octet in 0..=255u8 {
            let content = std::format!("a=%{octet:02x}&b");
            let expected = String::from_utf8_lossy(&[octet]).into_owned();
            let expected = [(String::from("a"), expected), (String::from("b"), String::new())];
            assert_eq!(fields(content.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn the_first_of_a_name_is_found() {
        let mut content = *b"on=1&on=2";
        let form = Form::decode(&mut content).unwrap();
        assert_eq!((form.get("on"), form.get("off")), (Some("1"), None));
    }
}
