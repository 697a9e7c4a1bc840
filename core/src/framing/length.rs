//! The length of a request's message body: the one place that decides it (RFC 9112 §6.3).

use crate::message::facts::{Facts, Once, TransferEncoding};
use crate::message::{ParseError, Version};

/// How the message body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Neither Content-Length nor Transfer-Encoding: there is no content.
    Absent,
    /// This many octets.
    Exact(u64),
    /// Chunks, up to the last one.
    Chunked,
}

/// The length of the message body, if `facts` leave no doubt about it.
///
/// | Transfer-Encoding | Content-Length | HTTP/1.1 | HTTP/1.0 |
/// |---|---|---|---|
/// | absent | absent | no content | no content |
/// | absent | valid | that length | that length |
/// | absent | repeated, listed or no number | 400 | 400 |
/// | there | there | 400 (a MAY of §6.1: it is how requests are smuggled) | 400 |
/// | `chunked` | absent | chunks | 400 (§6.1: must be taken for faulty) |
/// | others, then `chunked` | absent | 501 (§6.1) | 400 |
/// | anything else | absent | 400 (§6.3, case 4) | 400 |
///
/// "Anything else" includes a list with an empty member, which some recipients take for another coding.
///
/// # Errors
/// The length is in doubt. The connection must close after the answer.
pub const fn body_length(facts: &Facts, version: Version) -> Result<BodyLength, ParseError> {
    match (facts.transfer_encoding, facts.content_length(), version) {
        (TransferEncoding::Absent, Once::Absent, _) => Ok(BodyLength::Absent),
        (TransferEncoding::Absent, Once::Valid(length), _) => Ok(BodyLength::Exact(length)),
        (TransferEncoding::Absent, Once::Invalid, _) => Err(ParseError::ContentLength),
        (_, Once::Valid(_) | Once::Invalid, _) => Err(ParseError::AmbiguousLength),
        (_, _, Version::Http10) => Err(ParseError::TransferEncoding),
        (TransferEncoding::Chunked, Once::Absent, _) => Ok(BodyLength::Chunked),
        (TransferEncoding::OthersThenChunked, _, _) => Err(ParseError::TransferCoding),
        _ => Err(ParseError::TransferEncoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Head;

    #[test]
    fn the_table() {
        use Version::{Http10, Http11};
        let chunked = "Transfer-Encoding: chunked\r\n";
        for (version, fields, expected) in [
            (Http11, "", Ok(BodyLength::Absent)),
            (Http10, "Content-Length: 0\r\n", Ok(BodyLength::Exact(0))),
            (Http11, "Content-Length: 007\r\n", Ok(BodyLength::Exact(7))),
            (Http11, "Content-Length: 7, 7\r\n", Err(ParseError::ContentLength)),
            (Http11, "Content-Length: 7\r\nContent-Length: 7\r\n", Err(ParseError::ContentLength)),
            (Http11, chunked, Ok(BodyLength::Chunked)),
            (Http10, chunked, Err(ParseError::TransferEncoding)),
            (Http11, "Transfer-Encoding: gzip, chunked\r\n", Err(ParseError::TransferCoding)),
            (Http11, "Transfer-Encoding: gzip\r\n", Err(ParseError::TransferEncoding)),
            (Http11, "Transfer-Encoding:\r\n", Err(ParseError::TransferEncoding)),
            (Http11, "Transfer-Encoding: chunked, ,\r\n", Err(ParseError::TransferEncoding)),
            (
                Http11,
                "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n",
                Err(ParseError::AmbiguousLength),
            ),
        ] {
            let head = std::format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let head = Head::parse(head.as_bytes()).unwrap();
            assert_eq!(body_length(head.facts(), version), expected, "{version:?} {fields}");
        }
    }
}
