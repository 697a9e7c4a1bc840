//! The command line of an indexed query (RFC 3875 §4.4).

use crate::bytes::ascii::pct_decoded;
use crate::bytes::class::SEARCH;
use crate::bytes::take::take_until;
use crate::message::Method;

/// The words that a script is given as arguments.
///
/// ```abnf
/// search-string = search-word *( "+" search-word )            ; RFC 3875 §4.4
/// search-word   = 1*schar
/// schar         = unreserved / escaped / xreserved
/// ```
/// They are those of a query without `=` in a GET or HEAD request, percent-decoded. There are none if
/// the query is no search-string; if a word can't be an argument, for holding NUL; or if one begins with
/// a hyphen: a script would read it as an option, which is no client's to give.
///
/// ```
/// use thimble_core::Method;
/// use thimble_core::gateway::Words;
///
/// let mut buffer = [0; 64];
/// let words = Words::new(Method::Get, Some("to+be%20or+not"), &mut buffer);
/// assert!(words.eq([&b"to"[..], b"be or", b"not"]));
/// assert_eq!(Words::new(Method::Get, Some("-s"), &mut buffer).count(), 0);
/// assert_eq!(Words::new(Method::Get, Some("a=b"), &mut buffer).count(), 0);
/// ```
#[derive(Debug)]
pub struct Words<'w> {
    rest: &'w [u8],
    buffer: &'w mut [u8],
}

impl<'w> Words<'w> {
    /// The words in `query`. They are decoded into `buffer`, for which as many octets as `query` has are
    /// enough; with fewer, the last words are missing.
    pub fn new(method: Method<'_>, query: Option<&'w str>, buffer: &'w mut [u8]) -> Self {
        let query = query.unwrap_or_default().as_bytes();
        let is_read = matches!(method, Method::Get | Method::Head);
        let are_words = is_read && query.split(|&octet| octet == b'+').all(is_word);
        Self { rest: if are_words { query } else { b"" }, buffer }
    }
}

/// Whether this is a word that may be an argument.
fn is_word(word: &[u8]) -> bool {
    let mut octets = Decoded(word);
    !matches!(octets.next(), None | Some(b'-' | 0))
        && octets.all(|octet| octet != 0)
        && word.iter().all(|&octet| SEARCH.contains(octet))
        && crate::bytes::ascii::is_pct_encoded(word)
}

/// The octets of a word.
struct Decoded<'w>(&'w [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let [first, rest @ ..] = self.0 else { return None };
        self.0 = rest;
        let encoded = (*first == b'%').then(|| pct_decoded(rest)).flatten();
        if encoded.is_some() {
            self.0 = rest.get(2..).unwrap_or_default();
        }
        Some(encoded.unwrap_or(*first))
    }
}

impl<'w> Iterator for Words<'w> {
    type Item = &'w [u8];

    fn next(&mut self) -> Option<&'w [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let word = take_until(&mut self.rest, b'+');
        let count = Decoded(word).count();
        let (place, free) = core::mem::take(&mut self.buffer).split_at_mut_checked(count)?;
        self.buffer = free;
        for (slot, octet) in place.iter_mut().zip(Decoded(word)) {
            *slot = octet;
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn words(method: Method<'_>, query: &str) -> Vec<Vec<u8>> {
        let mut buffer = std::vec![0; query.len()];
        Words::new(method, Some(query), &mut buffer).map(Vec::from).collect()
    }

    #[test]
    fn an_indexed_query_is_words() {
        for (query, expected) in [
            ("a", &["a"][..]),
            ("a+b", &["a", "b"]),
            ("a%2Bb+%3D", &["a+b", "="]),
            ("a;b/c?d:e@f&g,h$i", &["a;b/c?d:e@f&g,h$i"]),
            ("a-b+c--", &["a-b", "c--"]),
            ("%ff", &["\u{ff}"]),
            // No words: an equals sign, an empty word, options, NUL, octets of no word.
            ("a=b", &[]),
            ("a+b=", &[]),
            ("", &[]),
            ("a++b", &[]),
            ("+a", &[]),
            ("a+", &[]),
            ("-a", &[]),
            ("a+-b", &[]),
            ("%2Db", &[]),
            ("a%00", &[]),
            ("a|b", &[]),
            ("a`b`", &[]),
            ("a%2", &[]),
        ] {
            let found = words(Method::Get, query);
            let is_latin = |word: &&str| word.chars().map(|c| c as u8).collect::<Vec<_>>();
            let expected: Vec<Vec<u8>> = expected.iter().map(is_latin).collect();
            assert_eq!(found, expected, "{query}");
        }
        assert_eq!(words(Method::Head, "a").len(), 1);
        assert_eq!(words(Method::Post, "a").len(), 0);
        assert_eq!(Words::new(Method::Get, None, &mut []).count(), 0);
    }
}
