//! A request head.

use super::entry::FieldEntry;
use super::error::ParseError;
use super::facts::{Facts, Once};
use super::fields::Fields;
use super::method::Method;
use super::reader::{HeadLimits, HeadReader, Start};
use super::target::Target;
use super::version::Version;
use crate::bytes::ascii::as_str;
use crate::bytes::span::Span;
use crate::fast::{Lengths, Ordinary, Table};
use crate::grammar::host::{Authority, authority};

/// A request head. It borrows from the octets it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct Head<'head> {
    octets: &'head [u8],
    table: Table<'head, FieldEntry>,
    method: Method<'head>,
    /// Its request-target is one of this method.
    start: Start,
    /// Where the value of Host stands. It is empty when there is none.
    host: Span,
    facts: Facts,
    lengths: Lengths,
}

impl<'head> Head<'head> {
    /// The head that `reader` has found to be whole: `octets` is all of it, and `table` the one that
    /// was given to the reader.
    ///
    /// # Errors
    /// A request-target that its method can't have, or a breach of the Host rules of
    /// RFC 9112 §3.2. Nothing is concluded about the content here.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn new(
        octets: &'head [u8],
        reader: &HeadReader,
        table: &'head [FieldEntry],
    ) -> Result<Self, ParseError> {
        Self::over(octets, reader, table, false)
    }

    /// Like [`new`](Self::new), of a request over a connection that is secure, as TLS is: its target may be
    /// under `https` (RFC 9110 §7.4).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn secure(
        octets: &'head [u8],
        reader: &HeadReader,
        table: &'head [FieldEntry],
    ) -> Result<Self, ParseError> {
        Self::over(octets, reader, table, true)
    }

    #[inline(always)]
    fn over(
        octets: &'head [u8],
        reader: &HeadReader,
        table: &'head [FieldEntry],
        is_secure: bool,
    ) -> Result<Self, ParseError> {
        let start = reader.start.ok_or(ParseError::TruncatedHead)?;
        let method = method_of(octets, start.method());
        check_target(octets, method, start.target, is_secure)?;
        match reader.host {
            Once::Valid(value) if is_host(octets, value) => {}
            Once::Absent if start.version == Version::Http10 => {}
            Once::Absent => return Err(ParseError::NoHost),
            Once::Valid(_) | Once::Invalid => return Err(ParseError::Host),
        }
        // Past 64 KiB, entries don't reach.
        let table = if octets.len() <= 0xffff { table.get(..reader.count()) } else { None };
        let table = Table::new(table.unwrap_or_default());
        let host = reader.host.valid().unwrap_or_default();
        let (facts, lengths) = (reader.facts, reader.lengths);
        Ok(Self { octets, table, method, start, host, facts, lengths })
    }

    /// Parses a head that is known to be whole: from its request-line to its empty line.
    ///
    /// # Errors
    /// The first line that is not in the grammar, and what [`new`](Self::new) finds.
    pub fn parse(octets: &'head [u8]) -> Result<Self, ParseError> {
        let limits = HeadLimits {
            request_line: octets.len(),
            field_section: octets.len(),
            fields: octets.len(),
        };
        let mut reader = HeadReader::default();
        match reader.resume(octets, &limits, &mut [])? {
            Some(length) if length == octets.len() => Self::new(octets, &reader, &[]),
            _ => Err(ParseError::TruncatedHead),
        }
    }

    /// The head as it arrived.
    pub const fn as_bytes(&self) -> &'head [u8] {
        self.octets
    }

    /// The method, as it was sent.
    pub const fn method(&self) -> Method<'head> {
        self.method
    }

    /// The request-target. Each call parses it again.
    pub fn target(&self) -> Target<'head> {
        // Whether it may be under https was decided when the head was made.
        target_of(self.octets, self.method, self.start.target, true).unwrap_or(Target::Asterisk)
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.start.version
    }

    /// The field lines.
    pub const fn fields(&self) -> Fields<'head> {
        Fields::new(self.octets, self.start.fields(), self.table, self.lengths)
    }

    /// What the fields say about framing and connection.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The authority that the request is for: that of the target, else that of Host (RFC 9110 §7.1).
    /// `None` only in HTTP/1.0.
    pub fn authority(&self) -> Option<Authority<'head>> {
        match self.target() {
            Target::Absolute(authority, _) | Target::Authority(authority) => Some(authority),
            Target::Origin(_) | Target::Asterisk => authority(self.host.of(self.octets)),
        }
    }
}

/// The method at `span`. The usual one is recognised without its text.
fn method_of(octets: &[u8], span: Span) -> Method<'_> {
    match Ordinary::of(octets) {
        Some(head) if head.is_get() => Method::Get,
        _ => Method::new(as_str(span.of(octets))),
    }
}

/// The target at `span`. An ordinary one is recognised faster than it is parsed.
#[inline(always)]
fn target_of<'head>(
    octets: &'head [u8],
    method: Method<'head>,
    span: Span,
    may_be_secure: bool,
) -> Result<Target<'head>, ParseError> {
    if let Some(head) = Ordinary::of(octets)
        && method != Method::Connect
        && let Some(path) = head.origin_form(span)
    {
        return Ok(Target::Origin(path));
    }
    Target::over(method, span.of(octets), may_be_secure)
}

/// Whether there is a target at `span`, taken apart or not.
fn check_target(
    octets: &[u8],
    method: Method<'_>,
    span: Span,
    is_secure: bool,
) -> Result<(), ParseError> {
    if let Some(head) = Ordinary::of(octets)
        && method != Method::Connect
        && head.path_end(span).is_some()
    {
        return Ok(());
    }
    target_of(octets, method, span, is_secure).map(drop)
}

/// Whether a Host value at `span` names an authority. An ordinary one is recognised faster than it is
/// parsed.
fn is_host(octets: &[u8], span: Span) -> bool {
    Ordinary::of(octets).is_some_and(|head| head.is_authority(span))
        || authority(span.of(octets)).is_some()
}

/// The request-line at the start of `octets`, without its CRLF and empty lines before it, whether
/// the head is valid or not; what there is of it, if it has no end.
pub fn request_line_of(octets: &[u8]) -> &[u8] {
    let octets = after_empty_lines(octets);
    octets.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default()
}

/// A head, or what has arrived of it, without the empty lines before its request-line.
pub(crate) const fn after_empty_lines(mut octets: &[u8]) -> &[u8] {
    while let [b'\r', b'\n', rest @ ..] = octets {
        octets = rest;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::facts::{ConnectionOption, Expect};

    #[test]
    fn a_head_and_its_facts() {
        let octets = b"PUT http://a/b HTTP/1.1\r\nHost: c:1\r\nCONNECTION: x, Close\r\n\
            connection: keep-alive\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
        let head = Head::parse(octets).unwrap();
        assert_eq!((head.method(), head.version()), (Method::Put, Version::Http11));
        assert_eq!(head.authority().unwrap().as_str(), "a");
        assert_eq!(head.fields().iter().count(), 5);
        let facts = head.facts();
        assert_eq!(facts.content_length(), Once::Valid(12));
        assert_eq!(facts.connection, ConnectionOption::Close);
        assert_eq!(facts.expect, Expect::Continue);
    }

    #[test]
    fn https_needs_a_connection_that_is_secure() {
        for (target, path, in_the_clear) in [
            ("https://a/b?c", "/b", Some(ParseError::Misdirected)),
            ("http://a/b?c", "/b", None),
            ("/b", "/b", None),
        ] {
            let octets = std::format!("GET {target} HTTP/1.1\r\nHost: c:1\r\n\r\n");
            let octets = octets.as_bytes();
            let mut reader = HeadReader::default();
            let limits = HeadLimits { request_line: 99, field_section: 99, fields: 9 };
            assert_eq!(reader.resume(octets, &limits, &mut []), Ok(Some(octets.len())));
            assert_eq!(Head::new(octets, &reader, &[]).err(), in_the_clear, "{target}");
            let head = Head::secure(octets, &reader, &[]).unwrap();
            assert_eq!(head.target().path(), path, "{target}");
            let host = if target == "/b" { "c:1" } else { "a" };
            assert_eq!(head.authority().unwrap().as_str(), host, "{target}");
        }
    }
}
