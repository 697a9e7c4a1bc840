//! Range (RFC 9110 §14.1).

use nom::combinator::opt;
use nom::sequence::{delimited, separated_pair};

use super::OWS;
use super::element::Element::{AnyCase, Many0, Octet};
use super::element::take;
use super::list::MEMBER_END;
use crate::bytes::ascii::{parse_decimal, trim_ows};
use crate::bytes::class::DIGIT;

/// One range of octets, as the client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// From the first to the last position, both included; without a last one, to the end.
    Int {
        /// The position of the first octet.
        first: u64,
        /// The position of the last octet.
        last: Option<u64>,
    },
    /// This number of octets at the end.
    Suffix(u64),
}

/// The ranges of octets that a Range field asks for: at least one, and all of them well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeSet<'a> {
    set: &'a [u8],
}

impl<'a> RangeSet<'a> {
    /// ```abnf
    /// ranges-specifier = range-unit "=" range-set               ; RFC 9110 §14.1.1
    /// range-set        = 1#range-spec
    /// ```
    /// `None` when `value` is malformed, or in another unit than `bytes` (in any case, §14.1).
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (set, _) = take(AnyCase(b"bytes="), trim_ows(value))?;
        let mut ranges = Ranges { rest: set };
        ranges.next()?;
        while ranges.next().is_some() {}
        ranges.rest.is_empty().then_some(Self { set })
    }

    /// The ranges, in the order they were sent.
    pub const fn iter(self) -> Ranges<'a> {
        Ranges { rest: self.set }
    }
}

/// The ranges of a set that are left. A member that is no range ends the iteration.
#[derive(Clone, Debug)]
pub struct Ranges<'a> {
    rest: &'a [u8],
}

impl Iterator for Ranges<'_> {
    type Item = RangeSpec;

    fn next(&mut self) -> Option<RangeSpec> {
        // Empty members are left out (RFC 9110 §5.6.1.2).
        while !self.rest.is_empty() {
            let digits = Many0(&DIGIT);
            let range_spec = separated_pair(digits, Octet(b'-'), digits);
            let (rest, ends) = take(delimited(OWS, opt(range_spec), MEMBER_END), self.rest)?;
            let range = match ends {
                Some((first, last)) => Some(range(first, last)?),
                None => None,
            };
            self.rest = rest;
            if range.is_some() {
                return range;
            }
        }
        None
    }
}

/// ```abnf
/// range-spec   = int-range / suffix-range / other-range         ; RFC 9110 §14.1.1
/// int-range    = first-pos "-" [ last-pos ]
/// suffix-range = "-" suffix-length
/// ```
/// The range that the digits on both sides of a hyphen say. `None` without any digits, and when the
/// last position is before the first.
fn range(first: &[u8], last: &[u8]) -> Option<RangeSpec> {
    match (position(first), position(last)) {
        (None, length) => length.map(RangeSpec::Suffix),
        (Some(first), last) => {
            let is_valid = last.is_none_or(|last| first <= last);
            is_valid.then_some(RangeSpec::Int { first, last })
        }
    }
}

/// The number that `digits` say, if there are any. One that 64 bits can't hold is past the end of every
/// file, and is read as the largest that they can.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn position(digits: &[u8]) -> Option<u64> {
    (!digits.is_empty()).then(|| parse_decimal(digits).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn sets_are_read_whole_or_not_at_all() {
        let int = |first, last| RangeSpec::Int { first, last: Some(last) };
        let from = |first| RangeSpec::Int { first, last: None };
        let suffix = RangeSpec::Suffix;
        for (value, expected) in [
            ("bytes=0-0", &[int(0, 0)][..]),
            ("Bytes=1-", &[from(1)]),
            ("bytes=-5", &[suffix(5)]),
            ("bytes=-0", &[suffix(0)]),
            (" bytes= 0-1 ,\t,2-3,-4, ", &[int(0, 1), int(2, 3), suffix(4)]),
            ("bytes=007-0010", &[int(7, 10)]),
            ("bytes=18446744073709551616-", &[from(u64::MAX)]),
            ("bytes=1-99999999999999999999999", &[int(1, u64::MAX)]),
            ("bytes=-99999999999999999999999", &[suffix(u64::MAX)]),
        ] {
            let set = RangeSet::parse(value.as_bytes()).unwrap();
            assert_eq!(set.iter().collect::<Vec<_>>(), expected, "{value}");
        }
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes =0-1",
            "octets=0-1",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1-2",
            "bytes=0 -1",
            "bytes=1",
            "bytes=--1",
            "bytes=+1-2",
            "bytes=2-1",
            "bytes=0-1;2-3",
            "bytes=0-1,x",
            "bytes=0x1-2",
            "bytes:0-1",
            "bytes==0-1",
        ] {
            assert_eq!(RangeSet::parse(value.as_bytes()), None, "{value}");
        }
    }
}
