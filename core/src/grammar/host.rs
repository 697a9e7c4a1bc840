//! The Host field value and an authority (RFC 9110 §4.2 and §7.2, RFC 3986 §3.2.2).

use core::net::Ipv6Addr;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{opt, recognize, verify};
use nom::sequence::{delimited, preceded};

use super::{Parsed, ascii, whole};
use crate::bytes::ascii::{is_pct_encoded, parse_decimal};
use crate::bytes::class::is_reg_name;

/// A host and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// `uri-host`: a registered name, an IPv4 address, or an IP literal with its brackets. Never
    /// empty.
    pub host: &'a str,
    /// `port`; `None` when it is absent or empty.
    pub port: Option<u16>,
}

/// ```abnf
/// Host        = uri-host [ ":" port ]                   ; RFC 9110 §7.2
/// host        = IP-literal / IPv4address / reg-name     ; RFC 3986 §3.2.2
/// port        = *DIGIT                                  ; RFC 3986 §3.2.3
/// ```
/// An empty host is refused: it is none under `http` (RFC 9110 §4.2.1). A user name and password
/// are refused as well (§4.2.4).
pub fn authority(input: &[u8]) -> Option<Authority<'_>> {
    let port = preceded(char(':'), take_while(|octet: u8| octet.is_ascii_digit()));
    let (host, port) = whole((alt((ip_literal, reg_name)), opt(port)).parse(input))?;
    let port = match port {
        None | Some([]) => None,
        Some(digits) => Some(u16::try_from(parse_decimal(digits)?).ok()?),
    };
    Some(Authority { host: ascii(host), port })
}

/// An IPv4address is a reg-name too, and nothing here tells them apart.
fn reg_name(input: &[u8]) -> Parsed<'_, &[u8]> {
    verify(take_while1(is_reg_name), is_pct_encoded).parse(input)
}

/// ```abnf
/// IP-literal = "[" ( IPv6address / IPvFuture  ) "]"
/// IPvFuture  = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
/// ```
fn ip_literal(input: &[u8]) -> Parsed<'_, &[u8]> {
    let inside = verify(take_while1(|octet| octet != b']'), |address: &[u8]| {
        ascii(address).parse::<Ipv6Addr>().is_ok() || is_ipv_future(address)
    });
    recognize(delimited(char('['), inside, char(']'))).parse(input)
}

fn is_ipv_future(address: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = address else {
        return false;
    };
    let Some(dot) = rest.iter().position(|&octet| octet == b'.') else {
        return false;
    };
    let (version, rest) = rest.split_at(dot);
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && rest.len() > 1
        && rest.iter().skip(1).all(|&octet| octet != b'%' && (is_reg_name(octet) || octet == b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let good = [
            ("a", "a", None),
            ("a.example:80", "a.example", Some(80)),
            ("a:", "a", None),
            ("127.0.0.1:065535", "127.0.0.1", Some(65535)),
            ("a%41_~!$&'()*+,;=", "a%41_~!$&'()*+,;=", None),
            ("[::1]:1", "[::1]", Some(1)),
            ("[v1.a:b]", "[v1.a:b]", None),
        ];
        for (input, host, port) in good {
            assert_eq!(authority(input.as_bytes()), Some(Authority { host, port }), "{input}");
        }
        let bad = [
            "",
            ":80",
            "a:65536",
            "a:99999999999999999999999",
            "a:+1",
            "a:1:2",
            "a b",
            "u@a",
            "a/",
            "a%4",
            "a%",
            "[::1",
            "::1",
            "[]",
            "[::1]a",
            "[v1.]",
            "[v.a]",
            "a\\",
            "a?",
            "[v1.%41]",
            "\u{e4}",
            "a|b",
        ];
        for input in bad {
            assert_eq!(authority(input.as_bytes()), None, "{input}");
        }
    }
}
