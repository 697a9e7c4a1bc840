//! A request head, and the facts in it that a server needs anyway, collected in the same pass.

use super::fields::{Fields, lines};
use super::{Method, ParseError, Target, Version};
use crate::bytes::ascii::parse_decimal;
use crate::grammar::field_line::{FieldFault, FieldLine, field_line};
use crate::grammar::host::{Authority, authority};
use crate::grammar::list::members;
use crate::grammar::request_line;

/// A request head. It borrows from the octets it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct Head<'head> {
    octets: &'head [u8],
    method: Method<'head>,
    target: Target<'head>,
    version: Version,
    fields: Fields<'head>,
    facts: Facts<'head>,
}

/// What the fields say about framing and connection, before anything is concluded from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'head> {
    /// Content-Length.
    pub content_length: Once<u64>,
    /// Transfer-Encoding.
    pub transfer_encoding: TransferEncoding,
    /// Host.
    pub host: Once<Authority<'head>>,
    /// Whether Connection has the option `close`.
    pub close: bool,
    /// Whether Connection has the option `keep-alive`.
    pub keep_alive: bool,
    /// Expect.
    pub expect: Expect,
}

/// A field that may be there once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once<T> {
    /// It is absent.
    #[default]
    Absent,
    /// It is there, and valid.
    Valid(T),
    /// It is there more than once, or is not valid.
    Invalid,
}

impl<T> Once<T> {
    fn add(&mut self, value: Option<T>) {
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Valid(value),
            _ => Self::Invalid,
        };
    }

    /// The value, when it is there and valid.
    pub fn valid(self) -> Option<T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// The transfer codings, as far as they matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// The field is absent.
    #[default]
    Absent,
    /// The field is there, with no coding in it.
    Empty,
    /// `chunked` alone.
    Chunked,
    /// Others, and then `chunked`.
    OthersThenChunked,
    /// Others, and no `chunked` after them.
    Others,
    /// `chunked` before the end, twice, or with parameters.
    Invalid,
}

/// What the client expects before it sends the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    #[default]
    Nothing,
    /// 100-continue.
    Continue,
    /// Something else, too.
    Unknown,
}

impl TransferEncoding {
    fn add(&mut self, value: &[u8]) {
        if *self == Self::Absent {
            *self = Self::Empty;
        }
        for coding in members(value) {
            let name = coding.split(|octet| b"; \t".contains(octet)).next().unwrap_or_default();
            let is_chunked = name.eq_ignore_ascii_case(b"chunked");
            *self = match self {
                Self::Absent | Self::Empty | Self::Others if !is_chunked => Self::Others,
                Self::Absent | Self::Empty if name == coding => Self::Chunked,
                Self::Others if name == coding => Self::OthersThenChunked,
                _ => Self::Invalid,
            };
        }
    }
}

impl<'head> Facts<'head> {
    fn add(&mut self, line: FieldLine<'head>) {
        let FieldLine { name, value } = line;
        if name.eq_ignore_ascii_case("host") {
            self.host.add(authority(value));
        } else if name.eq_ignore_ascii_case("content-length") {
            self.content_length.add(parse_decimal(value));
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.transfer_encoding.add(value);
        } else if name.eq_ignore_ascii_case("connection") {
            for option in members(value) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if name.eq_ignore_ascii_case("expect") {
            for expectation in members(value) {
                self.expect = match (self.expect, expectation.eq_ignore_ascii_case(b"100-continue"))
                {
                    (Expect::Nothing | Expect::Continue, true) => Expect::Continue,
                    _ => Expect::Unknown,
                };
            }
        }
    }
}

impl<'head> Head<'head> {
    /// Parses a head that is known to be whole: from its request-line to its empty line.
    ///
    /// # Errors
    /// The first element that is not in the grammar, or that breaks the Host rules of
    /// RFC 9112 §3.2. Nothing is concluded about the content here.
    pub fn parse(octets: &'head [u8]) -> Result<Self, ParseError> {
        let end = octets.iter().position(|&octet| octet == b'\n').unwrap_or(octets.len());
        let (line, rest) = octets.split_at(end);
        let line = line.strip_suffix(b"\r").ok_or(ParseError::Version)?;
        let section = rest
            .get(1..)
            .and_then(|section| section.strip_suffix(b"\r\n"))
            .ok_or(ParseError::TruncatedHead)?;

        let (method, rest) = request_line::method(line).ok_or(ParseError::Method)?;
        let method = Method::new(method);
        let (target, rest) = request_line::request_target(rest).ok_or(ParseError::RequestTarget)?;
        let (major, minor) = request_line::http_version(rest).ok_or(ParseError::Version)?;
        let version = Version::new(major, minor)?;
        let target = Target::new(method, target)?;

        let mut facts = Facts::default();
        for line in lines(section) {
            facts.add(field_line(line).map_err(|fault| match fault {
                FieldFault::Folded => ParseError::ObsFold,
                FieldFault::Name => ParseError::FieldName,
                FieldFault::Value => ParseError::FieldValue,
            })?);
        }
        match facts.host {
            Once::Invalid => return Err(ParseError::Host),
            Once::Absent if version >= Version::Http11 => return Err(ParseError::NoHost),
            _ => {}
        }
        Ok(Self { octets, method, target, version, fields: Fields::new(section), facts })
    }

    /// The head as it arrived.
    pub const fn as_bytes(&self) -> &'head [u8] {
        self.octets
    }

    /// The method, as it was sent.
    pub const fn method(&self) -> Method<'head> {
        self.method
    }

    /// The request-target.
    pub const fn target(&self) -> Target<'head> {
        self.target
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The field lines.
    pub const fn fields(&self) -> Fields<'head> {
        self.fields
    }

    /// What the fields say about framing and connection.
    pub const fn facts(&self) -> &Facts<'head> {
        &self.facts
    }

    /// Whom the request is meant for: the authority of the target, else of Host (RFC 9110 §7.1).
    /// `None` only in HTTP/1.0.
    pub fn authority(&self) -> Option<Authority<'head>> {
        match self.target {
            Target::Absolute(authority, _) | Target::Authority(authority) => Some(authority),
            Target::Origin(_) | Target::Asterisk => self.facts.host.valid(),
        }
    }
}

/// The request-line at the start of `octets`, without its CRLF and empty lines before it, whether
/// the head is valid or not; what there is of it, if it has no end.
pub fn request_line_of(mut octets: &[u8]) -> &[u8] {
    while let Some(rest) = octets.strip_prefix(b"\r\n") {
        octets = rest;
    }
    octets.split(|octet| b"\r\n".contains(octet)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_and_its_facts() {
        let octets = b"PUT http://a/b HTTP/1.1\r\nHost: c:1\r\nCONNECTION: x, Close\r\n\
            connection: keep-alive\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
        let head = Head::parse(octets).unwrap();
        assert_eq!((head.method(), head.version()), (Method::Put, Version::Http11));
        assert_eq!(head.authority().unwrap().host, "a");
        assert_eq!(head.fields().iter().count(), 5);
        let facts = head.facts();
        assert_eq!(facts.content_length, Once::Valid(12));
        assert!(facts.close && facts.keep_alive);
        assert_eq!(facts.expect, Expect::Continue);
    }

    #[test]
    fn transfer_codings_add_up_over_lines() {
        for (values, expected) in [
            (&["chunked"][..], TransferEncoding::Chunked),
            (&[" ", "Chunked"], TransferEncoding::Chunked),
            (&[", CHUNKED ,"], TransferEncoding::Chunked),
            (&["gzip", "chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip;a=\",\", chunked"], TransferEncoding::OthersThenChunked),
            (&["gzip"], TransferEncoding::Others),
            (&[""], TransferEncoding::Empty),
            (&["xchunked"], TransferEncoding::Others),
            (&["\"chunked\""], TransferEncoding::Others),
            (&["chunked", ""], TransferEncoding::Chunked),
            (&["chunked, chunked"], TransferEncoding::Invalid),
            (&["chunked", "gzip"], TransferEncoding::Invalid),
            (&["chunked;a=b"], TransferEncoding::Invalid),
            (&["chunked b"], TransferEncoding::Invalid),
        ] {
            let mut encoding = TransferEncoding::Absent;
            for value in values {
                encoding.add(value.as_bytes());
            }
            assert_eq!(encoding, expected, "{values:?}");
        }
    }
}
