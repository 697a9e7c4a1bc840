//! The head of a script's reply (RFC 3875 §6).

use super::fault::HeadError;
use crate::bytes::ascii::{as_str, parse_decimal};
use crate::bytes::class::are_field;
use crate::grammar::field_line::field_line;
use crate::grammar::script::{is_location, line, local_path, status_code};
use crate::grammar::target::PathAndQuery;
use crate::message::{Field, Status};

/// The head of a script's reply, which is whole and valid.
///
/// ```
/// use thimble_core::gateway::ReplyHead;
///
/// let output = b"Content-Type: text/plain\nX-Mood: good\n\nHello";
/// let (head, rest) = ReplyHead::parse(output).unwrap().expect("the head is whole");
/// assert_eq!((head.status().code(), rest), (200, &b"Hello"[..]));
/// assert_eq!(head.content_type(), Some(&b"text/plain"[..]));
/// assert_eq!(head.fields().next().unwrap().name, "X-Mood");
///
/// let (head, _) = ReplyHead::parse(b"Location: /other?a=b\r\n\r\n").unwrap().unwrap();
/// assert_eq!(head.local_redirect().unwrap().path(), "/other");
///
/// assert!(ReplyHead::parse(b"Content-Type: te").unwrap().is_none());
/// assert!(ReplyHead::parse(b"Hello\n\n").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ReplyHead<'h> {
    /// Its lines, without the empty one.
    lines: &'h [u8],
    status: Option<Status>,
    content_type: Option<&'h [u8]>,
    content_length: Option<u64>,
    location: Option<&'h [u8]>,
    has_others: bool,
}

impl<'h> ReplyHead<'h> {
    /// The head at the start of what a script has sent, and what follows it; `None` as long as its empty
    /// line has not come.
    ///
    /// ```abnf
    /// CGI-Response = document-response / local-redir-response /        ; RFC 3875 §6.2
    ///                client-redir-response / client-redirdoc-response
    /// header-field = CGI-field / other-field                           ; RFC 3875 §6.3
    /// other-field  = field-name ":" [ field-value ] NL
    /// ```
    /// Lines end with LF or CRLF, and whitespace around values is none of theirs.
    ///
    /// # Errors
    /// It is malformed, which shows as soon as the line has come that is wrong.
    pub fn parse(output: &'h [u8]) -> Result<Option<(Self, &'h [u8])>, HeadError> {
        let mut head = Self {
            lines: b"",
            status: None,
            content_type: None,
            content_length: None,
            location: None,
            has_others: false,
        };
        let mut rest = output;
        while let Some((octets, behind)) = line(rest) {
            if octets.is_empty() {
                let length = output.len() - rest.len();
                head.lines = output.get(..length).unwrap_or_default();
                if head.status.is_none() && head.content_type.is_none() && head.location.is_none() {
                    return Err(if length == 0 { HeadError::Empty } else { HeadError::NoField });
                }
                return Ok(Some((head, behind)));
            }
            head.add(field_of(octets).ok_or(HeadError::Line)?)?;
            rest = behind;
        }
        Ok(None)
    }

    /// Takes note of a field.
    fn add(&mut self, field: Field<'h>) -> Result<(), HeadError> {
        let is_first = match Known::of(field.name) {
            Known::Status => {
                let status = status_code(field.value).and_then(Status::of_code);
                self.status.replace(status.ok_or(HeadError::Status)?).is_none()
            }
            Known::ContentLength => {
                let length = parse_decimal(field.value).ok_or(HeadError::ContentLength)?;
                self.content_length.replace(length).is_none()
            }
            Known::TransferEncoding => return Err(HeadError::TransferEncoding),
            Known::ContentType => self.content_type.replace(field.value).is_none(),
            Known::Location if !is_location(field.value) => return Err(HeadError::Location),
            Known::Location => self.location.replace(field.value).is_none(),
            Known::OfServer => true,
            Known::Other => {
                self.has_others = true;
                true
            }
        };
        if is_first { Ok(()) } else { Err(HeadError::Repeated) }
    }

    /// The status: that of Status, else 302 with Location, else 200 (RFC 3875 §6.2).
    pub fn status(&self) -> Status {
        let usual = if self.location.is_some() { Status::FOUND } else { Status::OK };
        self.status.unwrap_or(usual)
    }

    /// The path and query of the resource that the server is to answer with itself (RFC 3875 §6.2.2):
    /// Location is the only field, and no URI of another server. With other fields, which the other
    /// resource's reply would not have, it is the client that is redirected.
    pub fn local_redirect(&self) -> Option<PathAndQuery<'h>> {
        let is_alone = self.status.is_none()
            && self.content_type.is_none()
            && self.content_length.is_none()
            && !self.has_others;
        local_path(self.location?).filter(|_| is_alone)
    }

    /// The value of Content-Type.
    pub const fn content_type(&self) -> Option<&'h [u8]> {
        self.content_type
    }

    /// The octets of content that the script says it sends.
    pub const fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// All other fields that belong in the reply, Location among them, in their order. Those of the
    /// connection are the server's, and Date, which it has set itself.
    pub fn fields(&self) -> impl Iterator<Item = Field<'h>> + use<'h> {
        let mut rest = self.lines;
        let lines = core::iter::from_fn(move || {
            let (octets, behind) = line(rest)?;
            rest = behind;
            field_of(octets)
        });
        lines.filter(|field| matches!(Known::of(field.name), Known::Location | Known::Other))
    }
}

fn field_of(octets: &[u8]) -> Option<Field<'_>> {
    let found = field_line(octets).filter(|_| are_field(octets))?;
    Some(Field { name: as_str(found.name.of(octets)), value: found.value.of(octets) })
}

/// What is known of a field of a script's by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Status,
    ContentType,
    ContentLength,
    Location,
    TransferEncoding,
    /// The server has it, and the script's own is left out.
    OfServer,
    Other,
}

impl Known {
    fn of(name: &str) -> Self {
        const NAMES: [(&str, Known); 12] = [
            ("Status", Known::Status),
            ("Content-Type", Known::ContentType),
            ("Content-Length", Known::ContentLength),
            ("Location", Known::Location),
            ("Transfer-Encoding", Known::TransferEncoding),
            ("Connection", Known::OfServer),
            ("Date", Known::OfServer),
            ("Keep-Alive", Known::OfServer),
            ("Proxy-Connection", Known::OfServer),
            ("TE", Known::OfServer),
            ("Trailer", Known::OfServer),
            ("Upgrade", Known::OfServer),
        ];
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map_or(Self::Other, |(_, known)| *known)
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn parse(output: &str) -> Result<Option<(ReplyHead<'_>, &[u8])>, HeadError> {
        ReplyHead::parse(output.as_bytes())
    }

    /// RFC 3875 §6.2.1 to §6.2.4.
    #[test]
    fn the_four_kinds_of_reply() {
        for (output, status, local) in [
            ("Content-Type: a/b\n\n", 200, None),
            ("Content-Type: a/b\nStatus: 404 Not here\n\n", 404, None),
            ("Status: 204\n\n", 204, None),
            ("Location: /a\n\n", 302, Some("/a")),
            ("LOCATION:/a?b\r\n\r\n", 302, Some("/a?b")),
            ("Location: /a\nDate: now\n\n", 302, Some("/a")),
            ("Location: /a\nSet-Cookie: a=b\n\n", 302, None),
            ("Location: /a\nStatus: 303 See Other\n\n", 303, None),
            ("Location: //a/b\n\n", 302, None),
            ("Location: http://a/b#c\n\n", 302, None),
            ("Location: /a#b\n\n", 302, None),
            ("Status: 302 Found\nLocation: http://a/\nContent-Type: a/b\n\n", 302, None),
        ] {
            let (head, rest) = parse(output).unwrap().unwrap();
            let found = head.local_redirect().map(PathAndQuery::as_str);
            assert_eq!((head.status().code(), found, rest), (status, local, &b""[..]), "{output}");
        }
    }

    #[test]
    fn malformed_heads_are_refused() {
        for (output, error) in [
            ("\n", HeadError::Empty),
            ("\r\nContent-Type: a/b\n\n", HeadError::Empty),
            ("X-A: b\n\n", HeadError::NoField),
            ("Connection: close\n\n", HeadError::NoField),
            ("Hello\n", HeadError::Line),
            ("HTTP/1.1 200 OK\n", HeadError::Line),
            ("Content-Type : a/b\n", HeadError::Line),
            (" Content-Type: a/b\n", HeadError::Line),
            ("Content-Type: a/b\n folded\n", HeadError::Line),
            ("X-A: a\rSet-Cookie: b\n", HeadError::Line),
            ("X-A: a\0\n", HeadError::Line),
            (": a\n", HeadError::Line),
            ("Status: 200\nStatus: 200\n", HeadError::Repeated),
            ("Content-Type: a/b\ncontent-type: a/b\n", HeadError::Repeated),
            ("Content-Length: 1\nContent-Length: 1\n", HeadError::Repeated),
            ("Location: /a\nLocation: /b\n", HeadError::Repeated),
            ("Status: 99\n", HeadError::Status),
            ("Status: 100 Continue\n", HeadError::Status),
            ("Status: 600\n", HeadError::Status),
            ("Status: OK\n", HeadError::Status),
            ("Location:\n", HeadError::Location),
            ("Location: /a b\n", HeadError::Location),
            ("Content-Length: -1\n", HeadError::ContentLength),
            ("Content-Length: 1, 1\n", HeadError::ContentLength),
            ("Transfer-Encoding: chunked\n", HeadError::TransferEncoding),
        ] {
            assert_eq!(parse(output).map(|_| ()), Err(error), "{output:?}");
        }
    }

    /// Whatever has come so far of a good head, it is none yet.
    #[test]
    fn a_head_needs_its_empty_line() {
        let output = "Status: 200 OK\r\nX-A: b\n\r\nrest";
        let whole = output.len() - "rest".len();
        for length in 0..=output.len() {
            let found = ReplyHead::parse(&output.as_bytes()[..length]).unwrap();
            assert_eq!(found.map(|it| it.1.len()), length.checked_sub(whole), "{length}");
        }
    }

    #[test]
    fn fields_of_the_connection_are_left_out() {
        let output = "Content-Type: a/b\nSet-Cookie: a=1\nConnection: close\nDate: x\n\
            set-cookie: b=2\nKeep-Alive: 1\nUpgrade: h2c\nTE: x\nTrailer: y\nLocation: z\n\
            Proxy-Connection: a\nX-Empty:\nX-O: \u{e4}\nContent-Length: 7\n\n";
        let (head, _) = parse(output).unwrap().unwrap();
        let fields: Vec<_> = head
            .fields()
            .map(|it| (it.name, String::from_utf8_lossy(it.value).into_owned()))
            .collect();
        let pair = |name, value: &str| (name, String::from(value));
        assert_eq!(
            fields,
            [
                pair("Set-Cookie", "a=1"),
                pair("set-cookie", "b=2"),
                pair("Location", "z"),
                pair("X-Empty", ""),
                pair("X-O", "\u{e4}"),
            ]
        );
        assert_eq!(head.content_length(), Some(7));
    }
}
