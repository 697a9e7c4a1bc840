//! Range (RFC 9110 §14.1).

use crate::bytes::ascii::{parse_decimal, trim_ows};

/// One range of octets, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// From the first to the last of these positions, both included; to the end without a last.
    Int {
        /// The position of the first octet.
        first: u64,
        /// The position of the last octet.
        last: Option<u64>,
    },
    /// The last so many octets.
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
        let (unit, set) = trim_ows(value).split_at_checked(b"bytes=".len())?;
        let mut ranges = Ranges { rest: set, is_malformed: false };
        let is_range_set = unit.eq_ignore_ascii_case(b"bytes=") && ranges.next().is_some();
        while ranges.next().is_some() {}
        (is_range_set && !ranges.is_malformed).then_some(Self { set })
    }

    /// The ranges, in the order they were sent.
    pub const fn iter(self) -> Ranges<'a> {
        Ranges { rest: self.set, is_malformed: false }
    }
}

/// The ranges of a set that are left.
#[derive(Clone, Debug)]
pub struct Ranges<'a> {
    rest: &'a [u8],
    /// Whether what comes next is none.
    is_malformed: bool,
}

impl Iterator for Ranges<'_> {
    type Item = RangeSpec;

    fn next(&mut self) -> Option<RangeSpec> {
        // It is a list without quoted strings; empty members are left out (RFC 9110 §5.6.1.2).
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&octet| octet == b',');
            let (member, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
            self.rest = rest.get(1..).unwrap_or_default();
            let member = trim_ows(member);
            if !member.is_empty() {
                let range = range_spec(member);
                self.is_malformed |= range.is_none();
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
/// `None` for anything else, and where the last position is before the first, which is invalid.
fn range_spec(member: &[u8]) -> Option<RangeSpec> {
    let hyphen = member.iter().position(|&octet| octet == b'-')?;
    let (first, rest) = member.split_at_checked(hyphen)?;
    let last = rest.get(1..)?;
    match (first, last) {
        ([], length) => position(length).map(RangeSpec::Suffix),
        (first, []) => Some(RangeSpec::Int { first: position(first)?, last: None }),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(RangeSpec::Int { first, last: Some(last) })
        }
    }
}

/// A number. Those beyond 64 bits are past every end, and so are read as the largest.
fn position(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| parse_decimal(digits).unwrap_or(u64::MAX))
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
