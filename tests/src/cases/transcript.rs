//! What a server sent, read reply by reply, and compared with what a row of the tables expects.

use std::fmt;

pub use crate::cases::reply::{Octets, Reply};
use crate::cases::{Case, End};

/// A request that follows where a connection stays open, and the last on it. No layer refuses it.
pub const FOLLOW_UP: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\
    Authorization: Basic QWRhOnNlY3JldA==\r\nConnection: close\r\n\r\n";

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
