//! Replies, as a client reads them.

use alloc::string::String;
use alloc::vec::Vec;
use core::str;

use crate::bytes::ascii::{as_str, parse_decimal, text, trim_ows};

/// A reply, read from what the server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
    is_continued: bool,
    is_cut: bool,
}

impl Reply {
    /// The status code: `Status::OK.code()` is 200.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The names and values of all field lines, in the order in which they were sent.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of the first field line with this name, in upper or lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The content, without chunk framing. The reply to HEAD has none.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The content as text, up to the first octet that is not UTF-8.
    pub fn text(&self) -> &str {
        text(&self.content).0
    }

    /// Whether 100 (Continue) came before it.
    pub const fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// Whether the connection was cut before the content was complete.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// All replies in `octets`; `to_head` says of each final one whether it answers HEAD.
    pub(super) fn read_all(mut octets: &[u8], to_head: &[bool]) -> Vec<Self> {
        let mut replies = Vec::new();
        let mut is_continued = false;
        while let Some(mut reply) = Self::read_head(&mut octets) {
            if reply.status < 200 {
                is_continued = true;
                continue;
            }
            reply.is_continued = core::mem::take(&mut is_continued);
            let is_to_head = to_head.get(replies.len()).copied().unwrap_or_default();
            if !is_to_head && !matches!(reply.status, 204 | 304) {
                reply.is_cut = reply.read_content(&mut octets).is_none();
            }
            replies.push(reply);
        }
        replies
    }

    fn read_head(octets: &mut &[u8]) -> Option<Self> {
        let line = take_line(octets)?;
        let status = parse_decimal(line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?)?;
        let mut reply = Self { status: u16::try_from(status).ok()?, ..Self::default() };
        loop {
            let line = take_line(octets)?;
            let Some(colon) = line.iter().position(|&octet| octet == b':') else {
                return line.is_empty().then_some(reply);
            };
            let (name, value) = line.split_at_checked(colon)?;
            let value = trim_ows(value.get(1..)?);
            reply.fields.push((as_str(name).into(), as_str(value).into()));
        }
    }

    /// Reads the content; `None` when it ends before its end.
    fn read_content(&mut self, octets: &mut &[u8]) -> Option<()> {
        if self.field("Transfer-Encoding") == Some("chunked") {
            loop {
                let size =
                    usize::from_str_radix(str::from_utf8(take_line(octets)?).ok()?, 16).ok()?;
                self.take_content(size, octets)?;
                // Behind each chunk, and behind the last.
                take_line(octets)?;
                if size == 0 {
                    return Some(());
                }
            }
        }
        let length = match self.field("Content-Length") {
            Some(length) => usize::try_from(parse_decimal(length.as_bytes())?).ok()?,
            None => octets.len(),
        };
        self.take_content(length, octets)
    }

    /// Takes `count` octets of content, or what there is.
    fn take_content(&mut self, count: usize, octets: &mut &[u8]) -> Option<()> {
        let (content, rest) = octets.split_at_checked(count).unwrap_or((octets, b""));
        self.content.extend_from_slice(content);
        *octets = rest;
        (content.len() == count).then_some(())
    }
}

/// Takes a line, without its CRLF.
fn take_line<'o>(octets: &mut &'o [u8]) -> Option<&'o [u8]> {
    let end = octets.windows(2).position(|pair| pair == b"\r\n")?;
    let line = octets.get(..end)?;
    *octets = octets.get(end + 2..)?;
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_divided_as_their_fields_say() {
        let octets = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
            2\r\nab\r\n1\r\nc\r\n0\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
        let replies = Reply::read_all(octets, &[false, true, false, false]);
        let summary = replies.iter().map(|reply| (reply.status(), reply.text(), reply.is_cut()));
        assert!(summary.eq([
            (200, "abc", false),
            (200, "", false),
            (204, "", false),
            (200, "abc", true)
        ]));
        assert!(replies[0].is_continued() && !replies[1].is_continued());
        assert!(replies[0].fields().take(2).eq([("A", "1"), ("a", "2")]));
        assert_eq!(replies[0].field("A"), Some("1"));
        let to_the_end = Reply::read_all(b"HTTP/1.1 404 Not Found\r\n\r\nabc", &[false]);
        assert_eq!((to_the_end[0].text(), to_the_end[0].is_cut()), ("abc", false));
    }
}
