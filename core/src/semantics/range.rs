//! Which octets of a representation a range request gets (RFC 9110 §14).

use crate::grammar::range::{RangeSet, RangeSpec};

/// The most ranges that a request may ask for. If there are more, the whole representation is sent,
/// since such a request is likely an attack or a mistake (RFC 9110 §14.2 and §17.15).
pub const MAX_RANGES: usize = 16;

/// A range of octets, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OctetRange {
    /// The position of its first octet.
    pub first: u64,
    /// The position of its last octet.
    pub last: u64,
}

impl OctetRange {
    /// Its length in octets.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// What a request's range is of a representation of `len` octets; `None` when it is past its end.
    fn new(spec: RangeSpec, len: u64) -> Option<Self> {
        let end = len.checked_sub(1)?;
        let (first, last) = match spec {
            RangeSpec::Int { first, last } => (first, last.map_or(end, |last| last.min(end))),
            RangeSpec::Suffix(0) => return None,
            RangeSpec::Suffix(length) => (len.saturating_sub(length), end),
        };
        (first <= end).then_some(Self { first, last })
    }

    /// Whether it overlaps `other`, or nothing is between them.
    const fn touches(&self, other: &Self) -> bool {
        self.first <= other.last + 1 && other.first <= self.last + 1
    }
}

/// What a Range field asks for, of a representation of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'r> {
    /// All of it: there are too many ranges, or no octets.
    Whole,
    /// Nothing: all ranges begin past the end. 416.
    Unsatisfiable,
    /// One range.
    One(OctetRange),
    /// Several ranges.
    Parts(Parts<'r>),
}

/// Several ranges of one representation that neither overlap nor touch, in the order in which they
/// were first asked for (RFC 9110 §15.3.7.2).
///
/// They are computed again each time they are needed, so that they take no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'r> {
    set: RangeSet<'r>,
    len: u64,
}

impl Parts<'_> {
    /// How many there are: two at least.
    pub fn count(&self) -> usize {
        merged(self.set, self.len, 0).1
    }

    /// The one of this index.
    pub fn nth(&self, index: usize) -> Option<OctetRange> {
        merged(self.set, self.len, index).0
    }
}

/// Selects from a representation of `len` octets.
///
/// One without octets is sent whole, whatever is asked of it: no Content-Range can name what a suffix
/// range gets of it, which is satisfiable (RFC 9110 §14.1.2), and to somebody who goes on with what he
/// has of it, 416 would be an error where nothing is wrong.
pub fn select(set: RangeSet<'_>, len: u64) -> Selection<'_> {
    if len == 0 || set.iter().nth(MAX_RANGES).is_some() {
        return Selection::Whole;
    }
    match merged(set, len, 0) {
        (None, _) => Selection::Unsatisfiable,
        (Some(range), 1) => Selection::One(range),
        _ => Selection::Parts(Parts { set, len }),
    }
}

/// Of the ranges that can be satisfied, the one at `index`, and how many there are. One that overlaps
/// or touches an earlier one becomes part of it.
#[inline(never)]
fn merged(set: RangeSet<'_>, len: u64, index: usize) -> (Option<OctetRange>, usize) {
    // Where a range became part of another, it leaves a gap.
    let mut ranges = [None; MAX_RANGES];
    for (mut place, spec) in set.iter().enumerate() {
        let Some(mut range) = OctetRange::new(spec, len) else { continue };
        let mut at = 0;
        while let Some(slot) = ranges.get_mut(at) {
            at += 1;
            if let Some(earlier) = slot.take_if(|earlier: &mut OctetRange| earlier.touches(&range))
            {
                range.first = range.first.min(earlier.first);
                range.last = range.last.max(earlier.last);
                place = place.min(at - 1);
                // What it touches may touch others, now that they are one.
                at = 0;
            }
        }
        if let Some(slot) = ranges.get_mut(place) {
            *slot = Some(range);
        }
    }
    let (mut found, mut count) = (None, 0);
    for range in ranges.iter().flatten() {
        if count == index {
            found = Some(*range);
        }
        count += 1;
    }
    (found, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn selected(value: &str, len: u64) -> Option<Vec<(u64, u64)>> {
        let pair = |range: OctetRange| (range.first, range.last);
        match select(RangeSet::parse(value.as_bytes()).unwrap(), len) {
            Selection::Whole => None,
            Selection::Unsatisfiable => Some(Vec::new()),
            Selection::One(range) => Some([pair(range)].into()),
            Selection::Parts(parts) => {
                assert_eq!(parts.nth(parts.count()), None);
                Some((0..parts.count()).map(|index| pair(parts.nth(index).unwrap())).collect())
            }
        }
    }

    #[test]
    fn ranges_are_clipped_merged_and_kept_in_order() {
        for (value, expected) in [
            ("bytes=0-0", &[(0, 0)][..]),
            ("bytes=5-", &[(5, 9)]),
            ("bytes=5-99", &[(5, 9)]),
            ("bytes=9-18446744073709551615", &[(9, 9)]),
            ("bytes=10-", &[]),
            ("bytes=-3", &[(7, 9)]),
            ("bytes=-99", &[(0, 9)]),
            ("bytes=-0", &[]),
            ("bytes=10-,-0,3-4", &[(3, 4)]),
            ("bytes=0-1,4-5", &[(0, 1), (4, 5)]),
            ("bytes=4-5,0-1", &[(4, 5), (0, 1)]),
            ("bytes=0-1,2-3", &[(0, 3)]),
            ("bytes=8-9,0-1,2-3,4-4", &[(8, 9), (0, 4)]),
            ("bytes=0-1,4-5,8-9,1-8", &[(0, 9)]),
            ("bytes=4-5,8-9,0-3", &[(0, 5), (8, 9)]),
            ("bytes=0-9,3-4", &[(0, 9)]),
            ("bytes=0-0,0-0,-1", &[(0, 0), (9, 9)]),
        ] {
            assert_eq!(selected(value, 10).as_deref(), Some(expected), "{value}");
        }
        for value in ["bytes=0-", "bytes=5-9", "bytes=-5", "bytes=-0", "bytes=0-,-1"] {
            assert_eq!(selected(value, 0), None, "{value}");
        }
        assert_eq!(selected("bytes=0-", u64::MAX).as_deref(), Some(&[(0, u64::MAX - 1)][..]));
    }

    #[test]
    fn too_many_ranges_are_the_whole() {
        let ranges = |count: usize| std::format!("bytes={}", "0-0,".repeat(count));
        assert_eq!(selected(&ranges(MAX_RANGES), 10).as_deref(), Some(&[(0, 0)][..]));
        assert_eq!(selected(&ranges(MAX_RANGES + 1), 10), None);
    }
}
