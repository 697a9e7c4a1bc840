//! `application/x-www-form-urlencoded`, as the WHATWG URL standard parses it (§5.1).

use super::fields::{FIELD_END, Form, NAME_END};
use crate::bytes::ascii::{pct_sequence, text};

const REPLACEMENT: &str = "\u{fffd}";

impl<'c> Form<'c> {
    /// Decodes `content` in place. `None` when it is not UTF-8 as it stands.
    ///
    /// A plus is a space. A percent sign that begins no pct-encoded octet stands for itself.
    /// Pct-encoded octets that are not UTF-8 become U+FFFD. Nothing here can make one field of two,
    /// or two of one.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn decode(content: &'c mut [u8]) -> Option<Self> {
        if text(content).1 > 0 {
            return None;
        }
        let (mut read, mut written, mut in_name) = (0, 0, true);
        while let Some(first) = content.get(read) {
            let octet = match first {
                b'%' => {
                    let mut octets = [0; 4];
                    let sequence = pct_sequence(content.get(read..)?, &mut octets);
                    let (piece, length) = match text(sequence) {
                        ("", 0) => ("%", 1),
                        ("", fault) => (REPLACEMENT, 3 * fault),
                        (text, _) => (text, 3 * text.len()),
                    };
                    // Over octets that were read already: nothing decodes to more than it was.
                    for (slot, octet) in content.get_mut(written..)?.iter_mut().zip(piece.bytes()) {
                        *slot = octet;
                        written += 1;
                    }
                    read += length;
                    continue;
                }
                b'&' => {
                    in_name = true;
                    FIELD_END
                }
                b'=' if in_name => {
                    in_name = false;
                    NAME_END
                }
                b'+' => b' ',
                other => *other,
            };
            *content.get_mut(written)? = octet;
            (read, written) = (read + 1, written + 1);
        }
        Some(Self::from_decoded(content.get(..written).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::query::Query;
    use core::fmt::Write as _;
    use std::string::{String, ToString as _};
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
    fn characters_are_decoded_as_whole_strings_are() {
        const OCTETS: [u8; 16] = *b"\xf0\x9f\x98\x80\xc3\xa9\xe0\xed\xa0\xf4\x8f\xbfA\xff\xfe\xc0";
        let mut random = 1u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [length, indexes @ ..] = random.to_be_bytes().map(|octet| usize::from(octet % 16));
            let octets: Vec<_> = indexes.iter().take(length).map(|&index| OCTETS[index]).collect();
            let mut content = String::new();
            for octet in &octets {
                write!(content, "%{octet:02X}").unwrap();
            }
            let expected = (String::from_utf8_lossy(&octets).into_owned(), String::new());
            let fields = fields(content.as_bytes()).unwrap();
            assert_eq!(fields.first().unwrap_or(&Default::default()), &expected, "{content}");
        }
    }

    #[test]
    fn a_query_has_the_same_fields() {
        const SIGNS: [&str; 12] =
            ["&", "=", "+", "%", "%4", "%41", "%C3", "%A9", "%F0", "%9F", "a", "\u{e9}"];
        let mut random = 1u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let octets = random.to_be_bytes();
            let content: String =
                octets.iter().map(|&octet| SIGNS[usize::from(octet) % 12]).collect();
            let query = Query::new(&content).iter();
            let query = query.map(|(name, value)| (name.to_string(), value.to_string()));
            assert_eq!(fields(content.as_bytes()).unwrap(), query.collect::<Vec<_>>(), "{content}");
        }
    }

    #[test]
    fn the_first_of_a_name_is_found() {
        let mut content = *b"on=1&on=2";
        let form = Form::decode(&mut content).unwrap();
        assert_eq!((form.get("on"), form.get("off")), (Some("1"), None));
    }
}
