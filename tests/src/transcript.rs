//! What a server sent, read reply by reply, and compared with what a row of the tables expects.

use std::fmt;

use crate::cases::{Case, End, Expected, Part};
use crate::{dates, links, multipart};

/// A request that follows where a connection stays open, and the last on it.
pub const FOLLOW_UP: &[u8] = b"GET /hello HTTP/1.1\r\nHost: thimble\r\nConnection: close\r\n\r\n";

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

/// The replies to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// The replies in their order.
    pub replies: Vec<Reply>,
    /// Whether the server ended the connection of its own accord.
    pub closed: bool,
}

impl Transcript {
    /// Reads `output`. `to_head` says of each final reply whether it answers HEAD.
    ///
    /// # Errors
    /// What in `output` is no reply.
    pub fn read(mut output: &[u8], to_head: &[bool], closed: bool) -> Result<Self, String> {
        let mut replies: Vec<Reply> = Vec::new();
        while !output.is_empty() {
            let before = replies.iter().filter(|reply| reply.status >= 200).count();
            let to_head = to_head.get(before).copied().unwrap_or_default();
            let (reply, rest) = Reply::read(output, to_head)
                .map_err(|fault| format!("{fault}, at: {}", Octets(output)))?;
            replies.push(reply);
            output = rest;
        }
        Ok(Self { replies, closed })
    }

    /// The same without interim replies: whether there is a 100 may depend on what has arrived.
    #[must_use]
    pub fn without_interim(&self) -> Self {
        let mut replies = self.replies.clone();
        replies.retain(|reply| reply.status >= 200);
        Self { replies, closed: self.closed }
    }

    /// The same without what may differ between storages that hold the same files: entity tags, and
    /// the boundaries between parts.
    #[must_use]
    pub fn masked(&self) -> Self {
        let replies = self.replies.iter().map(Reply::masked).collect();
        Self { replies, closed: self.closed }
    }

    /// Of each final reply, whether it answers HEAD.
    pub fn to_head(&self) -> Vec<bool> {
        self.without_interim().replies.iter().map(|reply| reply.to_head).collect()
    }

    /// Compares with what `case` expects. Returns what is otherwise.
    pub fn check(&self, case: &Case) -> Vec<String> {
        let lists_interim = case.expect.iter().any(|expected| expected.status < 200);
        let transcript = if lists_interim { self.clone() } else { self.without_interim() };
        let mut replies = transcript.replies.as_slice();
        let mut faults = Vec::new();
        if case.end == End::Open && !case.shut {
            match replies.split_last() {
                Some((follow_up, before)) if replies.len() > case.expect.len() => {
                    replies = before;
                    if (follow_up.status, follow_up.content.as_slice()) != (200, b"hello\n") {
                        faults.push(format!("the follow-up request got {}", follow_up.status));
                    }
                }
                _ => faults.push("the follow-up request got no reply".to_owned()),
            }
        }
        if replies.len() != case.expect.len() {
            let (count, expected) = (replies.len(), case.expect.len());
            faults.push(format!("there are {count} replies, not {expected}"));
        }
        for (number, (reply, expected)) in (1..).zip(replies.iter().zip(&case.expect)) {
            let found = reply.check(expected, case.setting.clock);
            faults.extend(found.iter().map(|fault| format!("reply {number}: {fault}")));
        }
        let closing = replies.iter().map(|reply| reply.field("Connection") == Some("close"));
        let is_last = |index: usize| index.saturating_add(1) == replies.len();
        for (index, says_close) in closing.enumerate() {
            let should_say = is_last(index) && case.end == End::Close;
            // An interim reply says nothing about the connection.
            let is_interim = replies.get(index).is_some_and(|reply| reply.status < 200);
            if says_close != should_say && !is_interim {
                let number = index.saturating_add(1);
                let not = if should_say { "no" } else { "a" };
                faults.push(format!("reply {number} has {not} Connection: close"));
            }
        }
        let client_ends = case.shut && (case.end == End::Open || case.expect.is_empty());
        if !self.closed && !client_ends {
            faults.push("the server left the connection open".to_owned());
        }
        faults
    }
}

impl Reply {
    fn read(output: &[u8], to_head: bool) -> Result<(Self, &[u8]), String> {
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

    fn masked(&self) -> Self {
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

    fn check(&self, expected: &Expected, clock: bool) -> Vec<String> {
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

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reply in &self.replies {
            for line in &reply.head {
                writeln!(f, "    {line}")?;
            }
            if !reply.content.is_empty() {
                writeln!(f, "    | {}", Octets(&reply.content))?;
            }
        }
        write!(f, "    {}", if self.closed { "(closed)" } else { "(open)" })
    }
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

    const HELLO: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Content-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    const CREATED: &str = "HTTP/1.1 201 Created\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nA: b\r\n\
        Transfer-Encoding: chunked\r\n\r\n002\r\nab\r\n1\r\nc\r\n0\r\n\r\n";

    const TABLE: &str = r#"
        [[case]]
        name = "a"
        rfc = "design"
        level = "design"
        send = 'x'
        expect = [{ status = 201, has = ["a: b"], lacks = ["C"], body = 'abc', contains = 'bc', without = '!' }]
        end = "open"
        why = "because"
    "#;

    fn faults(table: &str, output: &str) -> Vec<String> {
        let cases = parse("t", table).unwrap_or_default();
        let transcript = Transcript::read(output.as_bytes(), &[], true);
        match (cases.first(), transcript) {
            (Some(case), Ok(transcript)) => transcript.check(case),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_expected_has_no_fault() {
        let (open, close) =
            ([CREATED, HELLO].concat(), CREATED.replace("A:", "Connection: close\r\nA:"));
        assert_eq!(faults(TABLE, &open), Vec::<String>::new());
        assert_eq!(faults(&TABLE.replace("open", "close"), &close), Vec::<String>::new());
        let interim = ["HTTP/1.1 100 Continue\r\n\r\n", &open].concat();
        assert_eq!(faults(TABLE, &interim), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_a_fault() {
        let open = [CREATED, HELLO].concat();
        for (from, to, fault) in [
            ("201 Created", "200 OK", "the status is 200, not 201"),
            ("A: b", "A: c", "a is not b, but c"),
            ("A: b", "B: b", "a is not b, but nothing"),
            ("A: b", "A: b\r\nc: d", "there is a field C"),
            ("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "", "there is a Date"),
            ("\r\nc\r\n", "\r\nd\r\n", "the content is not abc"),
            ("\r\nc\r\n", "\r\nd\r\n", "the content has no bc"),
            ("hello\n", "HELLO\n", "the follow-up request got 200"),
            ("A: b", "A: b\r\nConnection: close", "reply 1 has a Connection: close"),
            ("\r\nc\r\n", "\r\n!\r\n", "the content has !"),
        ] {
            let found = faults(TABLE, &open.replacen(from, to, 1));
            assert!(found.iter().any(|found| found.contains(fault)), "{found:?}, not: {fault}");
        }
        assert_eq!(faults(TABLE, CREATED), ["the follow-up request got no reply"]);
        let twice = [CREATED, CREATED, HELLO].concat();
        assert_eq!(faults(TABLE, &twice), ["there are 2 replies, not 1"]);
        let open = faults(&TABLE.replace("open", "close"), CREATED);
        assert_eq!(open, ["reply 1 has no Connection: close"]);
    }

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
        let row = TABLE.replace("{ status = 201, has = [\"a: b\"], lacks = [\"C\"], body = 'abc', contains = 'bc', without = '!' }", keys);
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

    #[test]
    fn what_is_no_reply_is_not_read() {
        for output in [
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\nA: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
            "HTTP/1.1 204 No Content\r\n\r\nabc",
            "HTTP/1.1 204 No Content\r\nETag: a\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nETag: w/\"a\"\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nETag: \"a b\"\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nLast-Modified: now\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
             Date: Sun, 06 Nov 1994 08:49:36 GMT\r\n\r\n",
        ] {
            assert!(Transcript::read(output.as_bytes(), &[], true).is_err(), "{output}");
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".repeat(2);
        assert!(Transcript::read(head.as_bytes(), &[true, true], true).is_ok());
        assert!(Transcript::read(head.as_bytes(), &[true, false], true).is_err());
    }
}
