//! `application/x-www-form-urlencoded`, as the WHATWG URL standard parses it (§5.1).

use crate::bytes::ascii::hex_digit;

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
        core::str::from_utf8(content).ok()?;
        let mut writer = Writer { content, written: 0, partial: Partial::default() };
        let (mut read, mut in_name, mut is_empty) = (0, true, true);
        while let Some(&octet) = writer.content.get(read) {
            read += 1;
            if octet == b'%' {
                let mut digits = writer.content.iter().skip(read).map(|&octet| hex_digit(octet));
                if let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) {
                    read += 2;
                    writer.decoded(high << 4 | low);
                    is_empty = false;
                    continue;
                }
            }
            writer.end_partial();
            match octet {
                b'&' if is_empty => {}
                b'&' => {
                    writer.put(&[FIELD_END]);
                    (in_name, is_empty) = (true, true);
                }
                b'=' if in_name => {
                    writer.put(&[NAME_END]);
                    (in_name, is_empty) = (false, false);
                }
                octet => {
                    writer.put(&[if octet == b'+' { b' ' } else { octet }]);
                    is_empty = false;
                }
            }
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
        let fields = self.decoded.split(|&octet| octet == FIELD_END);
        fields.filter(|field| !field.is_empty()).map(|field| {
            let mut parts = field.splitn(2, |&octet| octet == NAME_END).map(text);
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        })
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

/// Only UTF-8 was decoded, so that the check that is made again can't fail.
fn text(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap_or(REPLACEMENT)
}

/// Writes into the octets that were read already: nothing decodes to more than it was.
struct Writer<'c> {
    content: &'c mut [u8],
    written: usize,
    partial: Partial,
}

/// Pct-encoded octets that may become a character with those that follow. What is not encoded
/// never completes one: it was checked to be characters by itself.
#[derive(Default)]
struct Partial {
    octets: [u8; 4],
    len: usize,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) {
        let free = self.content.get_mut(self.written..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(octets) {
            *to = *from;
        }
        self.written += octets.len();
    }

    /// Takes a pct-encoded octet, decoded.
    fn decoded(&mut self, octet: u8) {
        let Partial { octets, len } = &mut self.partial;
        if let Some(slot) = octets.get_mut(*len) {
            *slot = octet;
            *len += 1;
        }
        let (octets, len) = (*octets, *len);
        let sequence = octets.get(..len).unwrap_or_default();
        match core::str::from_utf8(sequence) {
            Ok(_) => {
                self.put(sequence);
                self.partial.len = 0;
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                // The sequence broke off, and this octet begins another, unless it is alone.
                self.put(REPLACEMENT.as_bytes());
                self.partial.len = 0;
                if len > 1 {
                    self.decoded(octet);
                }
            }
        }
    }

    fn end_partial(&mut self) {
        if self.partial.len > 0 {
            self.put(REPLACEMENT.as_bytes());
            self.partial.len = 0;
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
