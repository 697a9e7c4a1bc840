//! Entity tags (RFC 9110 §8.8.3).

use nom::combinator::opt;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::OWS;
use super::element::Element::Many0;
use super::element::{DQUOTE, Literal, after, take, whole};
use super::list::MEMBER_END;
use crate::bytes::class::ETAGC;

/// An entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Whether it is weak: two representations that share it may differ in their octets.
    pub is_weak: bool,
    /// What stands between its quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// A strong tag.
    pub const fn strong(opaque: &'a [u8]) -> Self {
        Self { is_weak: false, opaque }
    }

    /// Strong comparison: both are strong, and the same (RFC 9110 §8.8.3.2).
    pub fn is_strongly(&self, other: &Self) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Weak comparison: they are the same but for their strength (RFC 9110 §8.8.3.2).
    pub fn is_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// The parts that spell it, to be joined.
    pub const fn parts(&self) -> [&'a [u8]; 3] {
        [if self.is_weak { b"W/\"" } else { b"\"" }, self.opaque, b"\""]
    }
}

/// ```abnf
/// If-Match = "*" / #entity-tag                                  ; RFC 9110 §13.1.1
/// ```
/// and If-None-Match in the same way (§13.1.2). Gives `visit` the tags in a list, and returns whether
/// it is well-formed to its end; `*` is no list.
///
/// A comma may stand in a tag, and a backslash there escapes nothing: the list is not divided like
/// those of tokens and quoted-strings.
pub fn entity_tags<'a>(mut list: &'a [u8], visit: &mut dyn FnMut(EntityTag<'a>)) -> bool {
    let mut member = |list| {
        let (rest, tag) = take(preceded(OWS, opt(entity_tag)), list)?;
        tag.map(&mut *visit);
        after(MEMBER_END, rest)
    };
    while !list.is_empty() {
        let Some(rest) = member(list) else { return false };
        list = rest;
    }
    true
}

/// The only tag of a field that has one (If-Range, RFC 9110 §13.1.5).
pub fn only_entity_tag(value: &[u8]) -> Option<EntityTag<'_>> {
    whole(delimited(OWS, entity_tag, OWS), value)
}

/// ```abnf
/// entity-tag = [ weak ] opaque-tag                              ; RFC 9110 §8.8.3
/// weak       = %s"W/"
/// opaque-tag = DQUOTE *etagc DQUOTE
/// etagc      = %x21 / %x23-7E / obs-text
/// ```
fn entity_tag(input: &[u8]) -> IResult<&[u8], EntityTag<'_>, ()> {
    (opt(Literal(b"W/")), delimited(DQUOTE, Many0(&ETAGC), DQUOTE))
        .map(|(weak, opaque)| EntityTag { is_weak: weak.is_some(), opaque })
        .parse_complete(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const A: EntityTag<'_> = EntityTag::strong(b"a");
    const WEAK_A: EntityTag<'_> = EntityTag { is_weak: true, opaque: b"a" };

    /// The tags, and at the end nothing when the list is malformed there.
    fn tags(value: &[u8]) -> Vec<Option<EntityTag<'_>>> {
        let mut tags = Vec::new();
        if !entity_tags(value, &mut |tag| tags.push(Some(tag))) {
            tags.push(None);
        }
        tags
    }

    #[test]
    fn lists_are_divided_outside_of_tags() {
        let strong = |opaque| Some(EntityTag::strong(opaque));
        for (value, expected) in [
            (&b""[..], &[][..]),
            (b" , ,\t", &[]),
            (b"\"a\"", &[Some(A)]),
            (b"W/\"a\" ,\t\"a\",", &[Some(WEAK_A), Some(A)]),
            (b"\"\", \"a,b\", \"c\\\"", &[strong(b""), strong(b"a,b"), strong(b"c\\")]),
            (b"\"\xe9!\"", &[strong(b"\xe9!")]),
            (b"\"a\", a, \"b\"", &[Some(A), None]),
            (b"\"a\" \"a\"", &[Some(A), None]),
            (b"\"a", &[None]),
            (b"\"a b\"", &[None]),
            (b"w/\"a\"", &[None]),
            (b"W/ \"a\"", &[None]),
            (b"\"a\", *", &[Some(A), None]),
            (b"*", &[None]),
        ] {
            assert_eq!(tags(value), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn one_tag_is_alone() {
        assert_eq!(only_entity_tag(b"W/\"a\""), Some(WEAK_A));
        assert_eq!(only_entity_tag(b" \"a\"\t"), Some(A));
        for value in [&b"\"a\", \"b\""[..], b"a", b"", b"*"] {
            assert_eq!(only_entity_tag(value), None);
        }
    }

    #[test]
    fn tags_are_compared_as_the_rfc_lists() {
        // The table of RFC 9110 §8.8.3.2.
        let (one, two) = (EntityTag::strong(b"1"), EntityTag::strong(b"2"));
        let (weak_one, weak_two) =
            (EntityTag { is_weak: true, ..one }, EntityTag { is_weak: true, ..two });
        for (a, b, strongly, weakly) in [
            (weak_one, weak_one, false, true),
            (weak_one, weak_two, false, false),
            (weak_one, one, false, true),
            (one, one, true, true),
        ] {
            assert_eq!((a.is_strongly(&b), a.is_weakly(&b)), (strongly, weakly));
        }
        assert_eq!(weak_one.parts().concat(), b"W/\"1\"");
    }
}
