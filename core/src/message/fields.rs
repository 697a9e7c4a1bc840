//! The field section, as it arrived.

use crate::grammar::field_line::{FieldLine, field_line};
use crate::grammar::list::members;

/// The field lines of a head. They stay where they arrived and were checked there; each look-up
/// goes over them again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'head> {
    /// Whole lines, each with its CRLF.
    lines: &'head [u8],
}

impl<'head> Fields<'head> {
    pub(super) const fn new(lines: &'head [u8]) -> Self {
        Self { lines }
    }

    /// All field lines, in the order they were sent.
    pub fn iter(self) -> impl Iterator<Item = FieldLine<'head>> {
        lines(self.lines).filter_map(|line| field_line(line).ok())
    }

    /// The values of all lines with this name (in any case), in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'head [u8]> {
        self.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    /// The value of the first line with this name.
    pub fn first(self, name: &str) -> Option<&'head [u8]> {
        self.all(name).next()
    }

    /// The value, when there is exactly one line with this name.
    pub fn only(self, name: &str) -> Option<&'head [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The members of a list-valued field over all of its lines (RFC 9110 §5.6.1).
    pub fn list(self, name: &str) -> impl Iterator<Item = &'head [u8]> {
        self.all(name).flat_map(members)
    }
}

/// The lines of a section that is known to be whole: each ends with CRLF, and no other CR is there.
pub(super) fn lines(section: &[u8]) -> impl Iterator<Item = &[u8]> {
    section.split_inclusive(|&octet| octet == b'\n').filter_map(|line| line.strip_suffix(b"\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_see_every_line() {
        let fields = Fields::new(b"A: 1\r\nB: x\r\na:2, 3\r\n");
        assert_eq!(fields.first("a"), Some(&b"1"[..]));
        assert_eq!(fields.only("a"), None);
        assert_eq!(fields.only("b"), Some(&b"x"[..]));
        assert!(fields.list("A").eq([&b"1"[..], b"2", b"3"]));
        assert_eq!(fields.first("c"), None);
    }
}
