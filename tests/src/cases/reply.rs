//! A reply, read and compared with what is expected.

use std::fmt;

use super::{dates, links, multipart};
use crate::cases::{Expected, Part};

/// One reply, as far as it may not differ from one server to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Status line and field lines; the value of Date is left out, and that of Last-Modified where
    /// it is the same.
    pub head: Vec<String>,
    /// The content, after transfer decoding.
    pub content: Vec<u8>,
    /// Whether it answers HEAD.
    pub to_head: bool,
}

impl Reply {
    /// Reads one reply from the start of `output`. Returns what follows it, too.
    pub(crate) fn read(output: &[u8], to_head: bool) -> Result<(Self, &[u8]), String> {
        let (head, rest) = split(output, b"\r\n\r\n").ok_or("no end of a head")?;
        let head = String::from_utf8(head.to_owned()).map_err(|_| "a head that is not UTF-8")?;
        let mut head: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
        if head.iter().any(|line| line.contains(['\r', '\n', '\0'])) {
            return Err("a control in a head".to_owned());
        }
        let status = head
            .first()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.split_once(' '))
            .filter(|(code, _)| code.len() == 3)
            .and_then(|(code, _)| code.parse().ok())
            .ok_or("no status line")?;
        let mut date = None;
        for line in head.iter_mut().skip(1) {
            let (name, value) = line.split_once(": ").ok_or("no field line")?;
            if name == "Date" {
                date = Some(value.to_owned());
                "Date: ...".clone_into(line);
            }
        }
        let now = match &date {
            Some(date) => Some(dates::order(date).ok_or("no date")?),
            None => None,
        };
        for line in head.iter_mut().skip(1) {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            if name == "ETag" && !is_entity_tag(value) {
                return Err(format!("no entity tag: {value}"));
            }
            if name == "Last-Modified" {
                let modified = dates::order(value).ok_or("Last-Modified is no date")?;
                if now.is_some_and(|now| modified > now) {
                    return Err("Last-Modified is in the future".to_owned());
                }
                if date.as_deref() == Some(value) {
                    "Last-Modified: (Date)".clone_into(line);
                }
            }
        }
        let mut reply = Self { status, head, content: Vec::new(), to_head };
        if to_head || matches!(status, 100..=199 | 204 | 304) {
            return Ok((reply, rest));
        }
        let (content, rest) =
            match (reply.field("Transfer-Encoding"), reply.field("Content-Length")) {
                (Some("chunked"), None) => chunks(rest)?,
                (None, Some(length)) => {
                    let length = length.parse().map_err(|_| "no Content-Length")?;
                    let (content, rest) =
                        rest.split_at_checked(length).ok_or("content cut short")?;
                    (content.to_owned(), rest)
                }
                (None, None) if reply.field("Connection") == Some("close") => {
                    (rest.to_owned(), b"".as_slice())
                }
                _ => return Err("content of doubtful length".to_owned()),
            };
        reply.content = content;
        Ok((reply, rest))
    }

    /// The value of the first field called `name`, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The same without entity tags and the boundary between parts.
    pub(crate) fn masked(&self) -> Self {
        let mut masked = self.clone();
        for line in masked.head.iter_mut().skip(1) {
            if let Some(tag) = line.strip_prefix("ETag: ") {
                let is_weak = tag.starts_with("W/");
                *line = format!("ETag: {}...", if is_weak { "W/" } else { "" });
            }
        }
        if let Some(boundary) = self.field("Content-Type").and_then(multipart::boundary) {
            for line in &mut masked.head {
                let line_of_type = line.strip_suffix(boundary).filter(|_| line.contains(';'));
                if let Some(start) = line_of_type {
                    *line = format!("{start}...");
                }
            }
            let delimiter = format!("--{boundary}");
            masked.content = replace(&self.content, delimiter.as_bytes(), b"--...");
        }
        masked
    }

    /// What is other than `expected`, from a server that has a clock or not.
    pub(crate) fn check(&self, expected: &Expected, clock: bool) -> Vec<String> {
        let mut faults = Vec::new();
        if self.status != expected.status {
            faults.push(format!("the status is {}, not {}", self.status, expected.status));
        }
        for line in &expected.has {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if !has(self.head.get(1..).unwrap_or_default(), line) {
                let instead = self.field(name).unwrap_or("nothing");
                faults.push(format!("{name} is not {}, but {instead}", value.trim()));
            }
        }
        for name in expected.lacks.iter().filter(|name| self.field(name).is_some()) {
            faults.push(format!("there is a field {name}"));
        }
        if self.status >= 200 && self.field("Date").is_some() != clock {
            faults.push("there is a Date without a clock, or none with one".to_owned());
        }
        if let Some(body) = expected.body.as_ref().filter(|body| **body != self.content) {
            faults.push(format!("the content is not {}", Octets(body)));
        }
        let mut rest = self.content.as_slice();
        for part in &expected.contains {
            match find(rest, part) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None => faults.push(format!("the content has no {}", Octets(part))),
            }
        }
        for part in expected.without.iter().filter(|part| find(&self.content, part).is_some()) {
            faults.push(format!("the content has {}", Octets(part)));
        }
        if let Some(expected) = &expected.links {
            match links::links(&self.content) {
                Ok(links) if links == *expected => {}
                Ok(links) => {
                    let links = links.iter().map(|link| format!("{}", Octets(link)));
                    let links = links.collect::<Vec<_>>().join(" | ");
                    faults.push(format!("the links are {links}"));
                }
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(expected) = &expected.parts {
            faults.extend(self.check_parts(expected));
        }
        faults
    }

    fn check_parts(&self, expected: &[Part]) -> Vec<String> {
        let content_type = self.field("Content-Type").unwrap_or_default();
        let Some(boundary) = multipart::boundary(content_type) else {
            return vec![format!("{content_type} says no boundary")];
        };
        let parts = match multipart::parts(boundary, &self.content) {
            Ok(parts) => parts,
            Err(fault) => return vec![fault],
        };
        let mut faults = Vec::new();
        if parts.len() != expected.len() {
            faults.push(format!("there are {} parts, not {}", parts.len(), expected.len()));
        }
        for (number, (part, expected)) in (1..).zip(parts.iter().zip(expected)) {
            for line in expected.has.iter().filter(|line| !has(&part.head, line)) {
                faults.push(format!("part {number} has no {line}, but {:?}", part.head));
            }
            if part.content != expected.body {
                let (found, expected) = (Octets(&part.content), Octets(&expected.body));
                faults.push(format!("part {number} is {found}, not {expected}"));
            }
        }
        faults
    }
}

/// Whether `line` is among `lines`, its name in any case.
fn has(lines: &[String], line: &str) -> bool {
    let (name, value) = line.split_once(':').unwrap_or_default();
    lines.iter().any(|line| {
        line.split_once(": ").is_some_and(|(found, its_value)| {
            found.eq_ignore_ascii_case(name) && its_value == value.trim()
        })
    })
}

/// ```abnf
/// entity-tag = [ %s"W/" ] DQUOTE *etagc DQUOTE                  ; RFC 9110 §8.8.3
/// etagc      = %x21 / %x23-7E / obs-text
/// ```
fn is_entity_tag(value: &str) -> bool {
    let opaque = value.strip_prefix("W/").unwrap_or(value).strip_prefix('"');
    opaque.and_then(|opaque| opaque.strip_suffix('"')).is_some_and(|opaque| {
        opaque.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x7e | 0x80..))
    })
}

/// Where `part` first stands in `octets`.
fn find(octets: &[u8], part: &[u8]) -> Option<usize> {
    octets.windows(part.len().max(1)).position(|window| window == part)
}

fn replace(octets: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = octets;
    while let Some((before, after)) = split(rest, from) {
        replaced.extend_from_slice(before);
        replaced.extend_from_slice(to);
        rest = after;
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// The data of chunks, and what follows the last one.
fn chunks(mut output: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let mut content = Vec::new();
    loop {
        let (size, rest) = split(output, b"\r\n").ok_or("no end of a chunk line")?;
        let size =
            std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("no chunk-size")?;
        let (data, rest) = rest.split_at_checked(size).ok_or("a chunk cut short")?;
        content.extend_from_slice(data);
        output = rest.strip_prefix(b"\r\n").ok_or("no end of a chunk")?;
        if size == 0 {
            return Ok((content, output));
        }
    }
}

/// What stands before and after the first `end`.
fn split<'o>(output: &'o [u8], end: &[u8]) -> Option<(&'o [u8], &'o [u8])> {
    let at = output.windows(end.len()).position(|window| window == end)?;
    let (before, rest) = output.split_at_checked(at)?;
    Some((before, rest.strip_prefix(end)?))
}

/// Octets as a person reads them; long ones are cut in the middle.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'o>(pub &'o [u8]);

impl fmt::Display for Octets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENDS: usize = 400;
        let count = self.0.len();
        match (self.0.get(..ENDS), self.0.get(count.saturating_sub(ENDS)..)) {
            (Some(start), Some(end)) if count > 2 * ENDS => {
                write!(f, "{} [{count} octets] {}", start.escape_ascii(), end.escape_ascii())
            }
            _ => self.0.escape_ascii().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::parse;
    use crate::cases::transcript::Transcript;

    const TABLE: &str = r#"
        [[case]]
        name = "a"
        rfc = "design"
        level = "design"
        send = 'x'
        expect = [EXPECTED]
        end = "open"
        why = "because"
    "#;

    fn reply(fields: &str, content: &str) -> Reply {
        let length = content.len();
        let reply = format!(
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n{fields}\r\n\
             Content-Length: {length}\r\n\r\n{content}"
        );
        match Transcript::read(reply.as_bytes(), &[], true).map(|read| read.replies) {
            Ok(replies) if replies.len() == 1 => replies.into_iter().collect::<Vec<_>>().remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn expected(keys: &str) -> Expected {
        let row = TABLE.replace("EXPECTED", keys);
        let mut cases = parse("t", &row).unwrap_or_else(|fault| panic!("{fault}"));
        cases.remove(0).expect.remove(0)
    }

    #[test]
    fn parts_of_the_content_have_an_order() {
        let in_order = expected("{ status = 200, contains = ['a', 'b', 'a'] }");
        assert_eq!(reply("A: b", "aba").check(&in_order, true), Vec::<String>::new());
        assert_eq!(reply("A: b", "aab").check(&in_order, true), ["the content has no a"]);
    }

    #[test]
    fn links_and_multiparts_are_compared() {
        let linked = expected("{ status = 200, links = ['../', 'a b'] }");
        let page = "<a href=\"../\">.</a><a href=\"a%20b\">.</a>";
        assert_eq!(reply("A: b", page).check(&linked, true), Vec::<String>::new());
        let other = page.replace("%20", "+");
        assert_eq!(reply("A: b", &other).check(&linked, true), ["the links are ../ | a+b"]);

        let parts =
            expected("{ status = 200, parts = [{ has = ['a: b'], body = '1' }, { body = '2' }] }");
        let content = "--x\r\nA: b\r\n\r\n1\r\n--x\r\nA: b\r\n\r\n2\r\n--x--\r\n";
        let multipart = "Content-Type: multipart/byteranges; boundary=x";
        assert_eq!(reply(multipart, content).check(&parts, true), Vec::<String>::new());
        for (from, to, fault) in [
            ("A: b", "A: c", "part 1 has no a: b"),
            ("1\r\n", "3\r\n", "part 1 is 3, not 1"),
            ("1\r\n--x", "1", "there are 1 parts, not 2"),
            ("--x--", "--y--", "a part has no end"),
        ] {
            let found = reply(multipart, &content.replacen(from, to, 1)).check(&parts, true);
            assert!(found.iter().any(|found| found.contains(fault)), "{found:?}, not: {fault}");
        }
        let found = reply("Content-Type: text/plain", content).check(&parts, true);
        assert_eq!(found, ["text/plain says no boundary"]);
    }

    #[test]
    fn entity_tags_and_boundaries_are_masked() {
        let of = |tag: &str, boundary: &str, content: &str| {
            let fields =
                format!("ETag: {tag}\r\nContent-Type: multipart/byteranges; boundary={boundary}");
            reply(&fields, content).masked()
        };
        assert_eq!(of("\"a\"", "x", "--x--"), of("\"b\"", "y", "--y--"));
        assert_ne!(of("\"a\"", "x", "--x--"), of("W/\"a\"", "x", "--x--"));
        assert_ne!(of("\"a\"", "x", "--x--"), of("\"a\"", "y", "--x--"));
    }

    #[test]
    fn last_modified_may_be_the_date() {
        let modified = |date| reply(&format!("Last-Modified: {date}"), "").head.remove(2);
        assert_eq!(modified("Sun, 06 Nov 1994 08:49:37 GMT"), "Last-Modified: (Date)");
        let before = "Sun, 06 Nov 1994 08:49:36 GMT";
        assert_eq!(modified(before), format!("Last-Modified: {before}"));
    }
}
