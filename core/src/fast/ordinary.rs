//! Lines as nearly every client writes them, recognised by a few probes of sixteen octets.

use super::controls::Controls;
use super::probe::{Probe, WIDTH, find};
use crate::bytes::ascii::as_str;
use crate::bytes::span::Span;
use crate::grammar::field_line::FieldLine;
use crate::grammar::request_line::RequestLine;
use crate::grammar::target::PathAndQuery;

/// A head, or the beginning of one, of which the lines may be ordinary ones. What is recognised is what
/// the strict grammar finds, too.
#[derive(Clone, Copy)]
pub(crate) struct Ordinary<'i>(&'i [u8]);

impl<'i> Ordinary<'i> {
    /// `None` for an input shorter than a probe.
    #[inline(always)]
    pub(crate) fn of(input: &'i [u8]) -> Option<Self> {
        (input.len() >= WIDTH).then_some(Self(input))
    }

    /// Whether the method is GET.
    #[inline(always)]
    pub(crate) fn is_get(self) -> bool {
        self.0.starts_with(b"GET ")
    }

    /// The request-line at the start, and where it ends, when its CRLF is there, too: a method in
    /// capital letters and version 1.x.
    #[inline(always)]
    pub(crate) fn request_line(self) -> Option<(RequestLine, usize)> {
        let Self(input) = self;
        let method = match input.first_chunk()? {
            b"GET " => 3,
            b"POST" => 4,
            _ => input.iter().take(WIDTH).position(|octet| !octet.is_ascii_uppercase())?,
        };
        let target = method + 1;
        let end = find(input, target, Probe::not_in_target)?;
        let [name @ .., minor, cr, lf] = *input.get(end..)?.first_chunk::<11>()?;
        let line = RequestLine {
            method: Span { start: 0, end: method },
            target: Span { start: target, end },
            version: (1, minor.wrapping_sub(b'0')),
        };
        let is_ordinary = *input.get(method)? == b' '
            && method > 0
            && end > target
            && name == *b" HTTP/1."
            && minor.is_ascii_digit()
            && [cr, lf] == *b"\r\n";
        is_ordinary.then_some((line, end + 9))
    }

    /// Gives `visit` the field lines from `at` on, and the first four octets of each, the first of
    /// them lowest: up to the first line that is not ordinary, or has no end yet, or for which `visit`
    /// returns false. Returns where that line begins.
    // A loop in here costs less than an iterator: all it counts stays in registers.
    #[inline(always)]
    pub(crate) fn field_lines(
        self,
        at: usize,
        mut visit: impl FnMut(FieldLine, u32) -> bool,
    ) -> usize {
        let Self(input) = self;
        let mut line = at;
        let mut controls = Controls::new(input, line);
        while let Some(end) = controls.next()
            && let Some((found, first_four)) = field_line(input, line, end)
            && visit(found, first_four)
        {
            line = end + 2;
            // The LF of this line.
            controls.next();
        }
        line
    }

    /// Where the path ends of an origin-form at `target`, of which the octets were checked already: a
    /// path with no pct-encoded octet in it.
    #[inline(always)]
    pub(crate) fn path_end(self, target: Span) -> Option<usize> {
        let Self(head) = self;
        // The SP after it is found if nothing else is.
        let found = find(head, target.start, |probe| {
            probe.equal(b'?') | probe.equal(b'%') | probe.equal(b' ')
        })?;
        let is_ordinary = head.get(target.start) == Some(&b'/') && head.get(found) != Some(&b'%');
        is_ordinary.then_some(found)
    }

    /// The parts of that.
    #[inline(always)]
    pub(crate) fn origin_form(self, target: Span) -> Option<PathAndQuery<'i>> {
        let end = self.path_end(target)?;
        let text = as_str(self.0.get(target.start..target.end)?);
        Some(PathAndQuery::divided(text, end - target.start))
    }

    /// Whether there is an authority at `value`: a host of letters, digits, hyphens and dots, and a
    /// port of five digits at most if there is a colon.
    #[inline(always)]
    pub(crate) fn is_authority(self, value: Span) -> bool {
        let Self(head) = self;
        let found = find(head, value.start, |probe| probe.not_in_name() & !probe.equal(b'.'));
        found.is_some_and(|found| {
            found > value.start
                && match head.get(found..value.end) {
                    Some([b':', digits @ ..]) => {
                        digits.iter().all(u8::is_ascii_digit)
                            && (digits.len() < 5 || (digits.len() == 5 && digits <= &b"65535"[..]))
                    }
                    rest => rest == Some(&[]),
                }
        })
    }
}

/// The field line from `at` to the CRLF at `end`, which is where the next control is: a name of
/// letters, digits and hyphens, a colon, one space, and a value without whitespace around it.
#[inline(always)]
fn field_line(input: &[u8], at: usize, end: usize) -> Option<(FieldLine, u32)> {
    let (names, first_four) = if let Some(probe) = Probe::new(input, at) {
        (probe.not_in_name(), probe.first_four())
    } else {
        let (probe, others) = Probe::last(input, at)?;
        let first_four = u32::from_le_bytes(*input.get(at..)?.first_chunk()?);
        (probe.not_in_name() >> others, first_four)
    };
    let name = match names {
        // Longer than a probe, as few are, and not longer than two.
        0 => {
            let names = Probe::new(input, at + WIDTH)?.not_in_name() | 1 << WIDTH;
            WIDTH + names.trailing_zeros() as usize
        }
        names => names.trailing_zeros() as usize,
    };
    let rest = input.get(at + name..end + 2)?;
    let [before @ .., first] = *rest.first_chunk::<3>()?;
    let [last, after @ ..] = *rest.last_chunk::<3>()?;
    let is_ordinary =
        before == *b": " && after == *b"\r\n" && first > b' ' && last > b' ' && name > 0;
    let name = Span { start: at, end: at + name };
    let value = Span { start: name.end + 2, end };
    is_ordinary.then_some((FieldLine { name, value }, first_four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar;

    #[test]
    fn field_lines_are_those_of_the_strict_grammar() {
        for (line, ordinary) in [
            ("Host: a", true),
            ("A: b", true),
            ("Some-Very-Long-Name-0123456789: with \u{e4} value, of some length", true),
            ("A:b", false),
            ("A: ", false),
            ("A:  b", false),
            ("A: b ", false),
            ("A: b\tc", false),
            ("A_b: c", false),
            ("A-Name-Of-Forty-Octets-And-No-Colon-At-It x-----: b", false),
            ("A-Name-Of-Thirty-Two-Octets-0123: b", true),
            ("A-Name-Of-Thirty-Three-Octets-012: b", false),
            (": b", false),
            ("A : b", false),
            ("A", false),
            ("A: b\0", false),
        ] {
            let input = std::format!("{line}\r\nAnother-Line: after it\r\n\r\n");
            let end = input.find(|octet: char| octet.is_ascii_control()).unwrap();
            let found = field_line(input.as_bytes(), 0, end);
            assert_eq!(found.is_some(), ordinary, "{line}");
            if let Some((found, first_four)) = found {
                assert_eq!(Some(found), grammar::field_line::field_line(line.as_bytes()));
                assert_eq!(first_four.to_le_bytes(), input.as_bytes()[..4]);
            }
        }
    }

    #[test]
    fn request_lines_are_those_of_the_strict_grammar() {
        for (line, ordinary) in [
            ("GET / HTTP/1.1", true),
            ("POST /a?b=c|d%20 HTTP/1.0", true),
            ("OPTIONS * HTTP/1.2", true),
            ("GET  / HTTP/1.1", false),
            ("GET /\" HTTP/1.1", false),
            ("GET /\u{e4} HTTP/1.1", false),
            ("GET / HTTP/2.0", false),
            ("get / HTTP/1.1", false),
            (" / HTTP/1.1", false),
            ("GET / HTTP/1.1 ", false),
            ("GET  HTTP/1.1", false),
        ] {
            let input = std::format!("{line}\r\nHost: a\r\n\r\n");
            let found = Ordinary(input.as_bytes()).request_line();
            assert_eq!(found.is_some(), ordinary, "{line}");
            if let Some((found, end)) = found {
                assert_eq!(end, line.len());
                assert_eq!(grammar::request_line::request_line(line.as_bytes()), Ok(found));
            }
        }
    }

    #[test]
    fn origin_forms_are_those_of_the_strict_grammar() {
        for (target, ordinary) in [
            ("/", true),
            ("/a/b.css", true),
            ("/?", true),
            ("/a-longer-path/than/a/probe?and=a&query=of?some%20length", true),
            ("/a%20b", false),
            ("/a%2?b", false),
            ("a", false),
            ("?", false),
            ("*", false),
            ("http://a/b", false),
        ] {
            let head = std::format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let found =
                Ordinary(head.as_bytes()).origin_form(Span { start: 4, end: 4 + target.len() });
            assert_eq!(found.is_some(), ordinary, "{target}");
            assert!(found.is_none() || found == grammar::target::path_and_query(target.as_bytes()));
        }
    }

    #[test]
    fn authorities_are_those_of_the_strict_grammar() {
        for (value, ordinary) in [
            ("a", true),
            ("127.0.0.1:80", true),
            ("a.rather-long.name.of-a-host.example:", true),
            ("a:065535", false),
            ("a:65536", false),
            ("a:65535", true),
            ("a:07000", true),
            ("a:6553", true),
            ("a:+1", false),
            ("a:1:2", false),
            ("a_b", false),
            ("a%20b", false),
            ("[::1]", false),
            ("", false),
            (":80", false),
            ("a b", false),
            ("a,b", false),
            ("u@a", false),
        ] {
            let head = std::format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n");
            let found =
                Ordinary(head.as_bytes()).is_authority(Span { start: 22, end: 22 + value.len() });
            assert_eq!(found, ordinary, "{value}");
            assert!(!found || grammar::host::authority(value.as_bytes()).is_some());
        }
    }
}
