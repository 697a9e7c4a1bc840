//! The query of a request-target, as the fields of a form.

use core::fmt;
use core::str::FromStr;

use crate::bytes::ascii::{pct_sequence, text};

/// The most octets of a value that [`Encoded::parse`] takes, more than any number has.
const PARSED: usize = 64;

/// The fields of a query: what a form sends by GET, `application/x-www-form-urlencoded` (WHATWG URL
/// standard, §5.1). They stay in the receive buffer, and each is decoded when it is read.
///
/// ```abnf
/// query = *( pchar / "/" / "?" )                                ; RFC 3986 §3.4
/// ```
/// Browsers send more than that. Here every text is a query, divided at `&`, and each field at its
/// first `=`; empty fields are left out.
///
/// ```
/// use thimble_core::Query;
///
/// let query = Query::new("q=a+%26+b&page=2&dark");
/// assert!(query.get("q").is_some_and(|value| value == "a & b"));
/// assert_eq!(query.get("page").and_then(|page| page.parse()), Some(2));
/// assert!(query.get("dark").is_some_and(|value| value.is_empty()));
/// assert!(query.get("light").is_none());
/// for (name, value) in query {
///     println!("{name}: {value}");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    text: &'a str,
}

impl<'a> Query<'a> {
    /// The fields of `text`, which is a query without its question mark.
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Names and values in the order they were sent. A field without an equals sign has an empty
    /// value.
    pub const fn iter(self) -> Pairs<'a> {
        Pairs { rest: self.text }
    }

    /// The value of the first field called `name`.
    pub fn get(self, name: &str) -> Option<Encoded<'a>> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

impl<'a> IntoIterator for Query<'a> {
    type Item = (Encoded<'a>, Encoded<'a>);
    type IntoIter = Pairs<'a>;

    fn into_iter(self) -> Pairs<'a> {
        self.iter()
    }
}

/// The fields of a [`Query`] that are left.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Encoded<'a>, Encoded<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (field, rest) = self.rest.split_once('&').unwrap_or((self.rest, ""));
            self.rest = rest;
            if !field.is_empty() {
                let (name, value) = field.split_once('=').unwrap_or((field, ""));
                return Some((Encoded { text: name }, Encoded { text: value }));
            }
        }
        None
    }
}

/// A name or value of a [`Query`], not decoded yet. It compares and displays decoded.
///
/// A plus is a space. A percent sign that begins no pct-encoded octet stands for itself. Pct-encoded
/// octets that are not UTF-8 become U+FFFD.
#[derive(Clone, Copy, Default)]
pub struct Encoded<'a> {
    text: &'a str,
}

impl<'a> Encoded<'a> {
    /// The text as it was sent.
    pub const fn as_sent(self) -> &'a str {
        self.text
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// The characters it stands for.
    pub const fn chars(self) -> Chars<'a> {
        Chars { rest: self.text }
    }

    /// Decodes it into `buffer`; `None` when that has no room. As much room as
    /// [`as_sent`](Self::as_sent) takes is always enough.
    ///
    /// ```
    /// use thimble_core::Query;
    ///
    /// let name = Query::new("name=Zo%C3%AB").get("name").unwrap_or_default();
    /// assert_eq!(name.decode(&mut [0; 64]), Some("Zoë"));
    /// assert_eq!(name.decode(&mut [0; 3]), None);
    /// ```
    pub fn decode(self, buffer: &mut [u8]) -> Option<&str> {
        let mut end = 0;
        for char in self.chars() {
            let free = buffer.get_mut(end..end + char.len_utf8())?;
            end += char.encode_utf8(free).len();
        }
        core::str::from_utf8(buffer.get(..end)?).ok()
    }

    /// What it spells, a number for instance; `None` when it is malformed, or longer than 64 octets.
    pub fn parse<F: FromStr>(self) -> Option<F> {
        self.decode(&mut [0; PARSED])?.parse().ok()
    }
}

impl PartialEq for Encoded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.chars().eq(other.chars())
    }
}

impl Eq for Encoded<'_> {}

impl PartialEq<str> for Encoded<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for Encoded<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|char| fmt::Write::write_char(f, char))
    }
}

impl fmt::Debug for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.text.escape_debug())
    }
}

/// The characters of an [`Encoded`] that are left.
#[derive(Clone, Debug)]
pub struct Chars<'a> {
    rest: &'a str,
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut octets = [0; 4];
        let sequence = pct_sequence(self.rest.as_bytes(), &mut octets);
        if sequence.is_empty() {
            let mut chars = self.rest.chars();
            let char = chars.next();
            self.rest = chars.as_str();
            return char.map(|char| if char == '+' { ' ' } else { char });
        }
        let (text, fault) = text(sequence);
        let (char, length) = match text.chars().next() {
            Some(char) => (char, char.len_utf8()),
            None => (char::REPLACEMENT_CHARACTER, fault),
        };
        self.rest = self.rest.get(3 * length..).unwrap_or_default();
        Some(char)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;
    use std::vec::Vec;

    #[test]
    fn fields_are_divided_before_they_are_decoded() {
        for (query, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("&a&&=&=b", &[("a", ""), ("", ""), ("", "b")]),
            ("a=b=c==", &[("a", "b=c==")]),
            ("a%3Db=%26+%2B%25", &[("a=b", "& +%")]),
            ("a=%&b=%4&c=%zz", &[("a", "%"), ("b", "%4"), ("c", "%zz")]),
            ("a=%F0%9F%98%80%00%FF", &[("a", "\u{1f600}\0\u{fffd}")]),
            ("a=\u{e9}%C3%A9%C3", &[("a", "\u{e9}\u{e9}\u{fffd}")]),
        ] {
            let found: Vec<_> = Query::new(query).iter().collect();
            assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
            for ((name, value), (decoded_name, decoded_value)) in found.iter().zip(expected) {
                assert!(*name == *decoded_name && *value == *decoded_value, "{query}: {found:?}");
                assert_eq!(value.to_string(), *decoded_value);
                let mut buffer = [0; 64];
                let buffer = &mut buffer[..value.as_sent().len()];
                assert_eq!(value.decode(buffer), Some(*decoded_value));
            }
        }
    }

    #[test]
    fn numbers_are_parsed() {
        let number = |query| Query::new(query).get("n").and_then(Encoded::parse::<u8>);
        assert_eq!(number("n=%34%32"), Some(42));
        assert_eq!(number("n=256"), None);
        for (digits, expected) in [(64, Some(1)), (65, None)] {
            let text = std::format!("{:0digits$}", 1);
            assert_eq!(Encoded { text: &text }.parse::<u8>(), expected);
        }
        assert_eq!(number("m=1"), None);
    }
}
