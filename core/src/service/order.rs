//! The order in which names are listed: as people count.

use core::cmp::Ordering;

/// Octets that are compared at a time, where names begin alike.
const STEP: usize = 16;

/// The order in which entries are listed. Each is given as a pair: whether it is a directory, and its
/// name.
///
/// Directories come first. Letters compare without regard to case, and digits as the numbers that
/// they make: 2 before 10. Names that compare the same so far are in the order of their octets, so that
/// only identical ones are equal. A common beginning is skipped, so that long names cost little more
/// than short ones.
pub fn listing_order(a: (bool, &[u8]), b: (bool, &[u8])) -> Ordering {
    let directories_first = b.0.cmp(&a.0);
    directories_first.then_with(|| natural(a.1, b.1)).then_with(|| a.1.cmp(b.1))
}

fn natural(a: &[u8], b: &[u8]) -> Ordering {
    let start = alike(a, b);
    let rest = |name| <[u8]>::get(name, start..).unwrap_or_default();
    let (mut a, mut b) = (Elements(rest(a)), Elements(rest(b)));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) if a != b => return a.cmp(&b),
            _ => {}
        }
    }
}

/// Octets in front that mean the same in both names: not a part of a character, nor of a number.
fn alike(a: &[u8], b: &[u8]) -> usize {
    let steps = a.as_chunks::<STEP>().0.iter().zip(b.as_chunks::<STEP>().0);
    let mut same = steps.take_while(|(a, b)| a == b).count() * STEP;
    let rest = |name| <[u8]>::get(name, same..).unwrap_or_default().iter();
    same += rest(a).zip(rest(b)).take_while(|(a, b)| a == b).count();
    let begins_apart = |at: usize| {
        let is_inside = |name: &[u8]| name.get(at).is_some_and(|octet| matches!(octet, 0x80..0xc0));
        let is_counted = |name: &[u8]| name.get(at).is_some_and(u8::is_ascii_digit);
        let follows_digit = at.checked_sub(1).and_then(|before| a.get(before));
        !is_inside(a)
            && !is_inside(b)
            && !(follows_digit.is_some_and(u8::is_ascii_digit) && (is_counted(a) || is_counted(b)))
    };
    while same > 0 && !begins_apart(same) {
        same -= 1;
    }
    same
}

/// What a name is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element<'n> {
    /// A number, without the zeros in front of it.
    Number(&'n [u8]),
    /// Letters, in lower case: those that stand for one.
    Letters([char; 3]),
}

impl Ord for Element<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Self::Letters(a), Self::Letters(b)) => a.cmp(b),
            // Where its first digit would be.
            (Self::Number(_), Self::Letters(letters)) => ['0', '\0', '\0'].cmp(letters),
            (Self::Letters(letters), Self::Number(_)) => letters.cmp(&['0', '\0', '\0']),
        }
    }
}

impl PartialOrd for Element<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The elements of a name.
struct Elements<'n>(&'n [u8]);

impl<'n> Iterator for Elements<'n> {
    type Item = Element<'n>;

    fn next(&mut self) -> Option<Element<'n>> {
        let first = *self.0.first()?;
        if first.is_ascii_digit() {
            let end = self.0.iter().position(|octet| !octet.is_ascii_digit());
            let (mut number, rest) = self.0.split_at_checked(end.unwrap_or(self.0.len()))?;
            while let [b'0', fewer @ ..] = number {
                number = fewer;
            }
            self.0 = rest;
            return Some(Element::Number(number));
        }
        let (letter, length) = if first.is_ascii() {
            (char::from(first), 1)
        } else {
            // No character is longer than that.
            let front = self.0.get(..4).unwrap_or(self.0);
            let chunk = front.utf8_chunks().next()?;
            match chunk.valid().chars().next() {
                Some(letter) => (letter, letter.len_utf8()),
                None => (char::REPLACEMENT_CHARACTER, chunk.invalid().len()),
            }
        };
        self.0 = self.0.get(length..)?;
        let mut letters = ['\0'; 3];
        for (place, letter) in letters.iter_mut().zip(letter.to_lowercase()) {
            *place = letter;
        }
        Some(Element::Letters(letters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn directories_come_first_and_numbers_count() {
        let ordered = [
            (true, &b"a"[..]),
            (true, b"B"),
            (false, b".1"),
            (false, b"0"),
            (false, b"00"),
            (false, b"1"),
            (false, b"01.txt"),
            (false, b"1.txt"),
            (false, b"2"),
            (false, b"10"),
            (false, b"11"),
            (false, b"100"),
            (false, b"18446744073709551616"),
            (false, b"A"),
            (false, b"a"),
            (false, b"a.txt"),
            (false, b"A1b2"),
            (false, b"a1b2"),
            (false, b"a1b10"),
            (false, b"a12"),
            (false, b"ab"),
            (false, b"B"),
            (false, b"b"),
            (false, b"z"),
            (false, "\u{c4}".as_bytes()),
            (false, "\u{e4}".as_bytes()),
            (false, "\u{e4}2".as_bytes()),
            (false, "\u{c4}10".as_bytes()),
            (false, "\u{f6}".as_bytes()),
            (false, b"\xff"),
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(listing_order(*a, *b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }

    /// All names of these pieces, up to three of them.
    fn names() -> Vec<Vec<u8>> {
        let pieces = [&b"0"[..], b"1", b"a", b"B", b"\xc3\xa4", b"\xc3", b"\xa4", b"."];
        let mut names = std::vec![Vec::new()];
        let mut longest = names.clone();
        for _ in 0..3 {
            let longer = longest.iter().flat_map(|name| pieces.map(|piece| [name, piece].concat()));
            longest = longer.collect();
            longest.dedup();
            names.extend_from_slice(&longest);
        }
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn what_is_skipped_makes_no_difference() {
        fn whole(a: &[u8], b: &[u8]) -> Ordering {
            let (a, b): (Vec<_>, Vec<_>) = (Elements(a).collect(), Elements(b).collect());
            a.cmp(&b)
        }
        let names = names();
        for a in names.iter().step_by(7) {
            for b in names.iter().step_by(3) {
                assert_eq!(natural(a, b), whole(a, b), "{} {}", a.escape_ascii(), b.escape_ascii());
                let (a, b) = ([&[b'x'; 40], &a[..]].concat(), [&[b'x'; 40], &b[..]].concat());
                assert_eq!(natural(&a, &b), whole(&a, &b));
            }
        }
    }

    #[test]
    fn the_order_is_total() {
        // Sorting panics where it isn't, or may.
        let mut names = names();
        names.reverse();
        names.sort_unstable_by(|a, b| listing_order((false, a), (false, b)));
        for pair in names.windows(2) {
            let [a, b] = pair else { continue };
            assert_eq!(listing_order((false, a), (false, b)), Ordering::Less);
        }
    }
}
