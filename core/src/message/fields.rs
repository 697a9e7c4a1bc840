//! The field section, as it arrived.

use super::entry::FieldEntry;
use crate::bytes::ascii::{as_str, trim_ows};
use crate::bytes::take::take_until;
use crate::fast::{Lengths, Table};
use crate::grammar::field_line::FieldLine;
use crate::grammar::list::members;

/// A field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'head> {
    /// The name, in the case it was sent.
    pub name: &'head str,
    /// The value, without the whitespace around it. It may hold octets above 0x7f.
    pub value: &'head [u8],
}

/// The field lines of a head. They stay where they arrived and were checked there.
///
/// A look-up goes through a table of them, if the caller lent one with room for all; otherwise it reads
/// the lines themselves again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'head> {
    octets: &'head [u8],
    /// Where they begin.
    start: usize,
    /// An entry for each line; none when there was no room for all.
    table: Table<'head, FieldEntry>,
    /// Those of their names.
    lengths: Lengths,
}

impl<'head> Fields<'head> {
    pub(super) const fn new(
        octets: &'head [u8],
        start: usize,
        table: Table<'head, FieldEntry>,
        lengths: Lengths,
    ) -> Self {
        Self { octets, start, table, lengths }
    }

    /// Whether there may be a line with this name; false is certain.
    #[inline(always)]
    pub(crate) const fn may_have(self, name: &str) -> bool {
        self.lengths.may_have(name.len())
    }

    /// All field lines, in the order they were sent.
    pub fn iter(self) -> impl Iterator<Item = Field<'head>> + Clone {
        self.lines("").map(|(name, value)| Field { name: as_str(name), value })
    }

    /// The values of all lines with this name (in any case), in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'head [u8]> + Clone {
        self.lines(name).map(|(_, value)| value)
    }

    /// The lines with this name; all of them, when that is empty.
    fn lines<'n>(self, wanted: &'n str) -> Lines<'head, 'n> {
        let is_nowhere = !wanted.is_empty() && !self.may_have(wanted);
        let Self { octets, start, table, .. } = if is_nowhere { Self::default() } else { self };
        let rest = if table.entries().is_empty() { octets.get(start..) } else { None };
        Lines { octets, table, rest: rest.unwrap_or_default(), wanted: wanted.as_bytes() }
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

/// The names and values of the field lines that are left: of those that a table has, and of the rest of
/// a head, which is known to be whole, up to its empty line.
#[derive(Clone)]
struct Lines<'head, 'n> {
    octets: &'head [u8],
    table: Table<'head, FieldEntry>,
    rest: &'head [u8],
    /// The name of those to return; all are, when it is empty.
    wanted: &'n [u8],
}

impl<'head> Iterator for Lines<'head, '_> {
    type Item = (&'head [u8], &'head [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, value) = if let [entry, table @ ..] = self.table.entries() {
                self.table = Table::new(table);
                let FieldLine { name, value } = entry.line();
                // Most names are told apart by that, without a look at them.
                if !self.wanted.is_empty() && name.length() != self.wanted.len() {
                    continue;
                }
                (name.of(self.octets), value.of(self.octets))
            } else {
                // Each line ends with CRLF, and no other LF is there. The last line is empty.
                let [line @ .., b'\r'] = take_until(&mut self.rest, b'\n') else { return None };
                let mut value = line;
                let name = take_until(&mut value, b':');
                if name.is_empty() {
                    return None;
                }
                (name, trim_ows(value))
            };
            if self.wanted.is_empty() || name.eq_ignore_ascii_case(self.wanted) {
                return Some((name, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Head;
    use crate::message::reader::{HeadLimits, HeadReader};

    #[test]
    fn look_ups_see_every_line() {
        let octets = b"GET / HTTP/1.0\r\nA: 1\r\nB: x\r\na:2, 3\r\n\r\n";
        for room in 0..5 {
            let mut table = [FieldEntry::default(); 5];
            let table = &mut table[..room];
            let mut reader = HeadReader::default();
            let limits = HeadLimits { request_line: 99, field_section: 99, fields: 9 };
            assert_eq!(reader.resume(octets, &limits, table), Ok(Some(octets.len())));
            let head = Head::new(octets, &reader, table).unwrap();
            let fields = head.fields();
            assert_eq!(fields.table.entries().len(), if room >= 3 { 3 } else { 0 });
            assert_eq!(fields.first("a"), Some(&b"1"[..]));
            assert_eq!(fields.only("a"), None);
            assert_eq!(fields.only("b"), Some(&b"x"[..]));
            assert!(fields.list("A").eq([&b"1"[..], b"2", b"3"]));
            assert_eq!(fields.first("c"), None);
        }
    }
}
