//! The Host field value and an authority (RFC 9110 §4.2 and §7.2, RFC 3986 §3.2.2).

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{opt, peek, verify};
use nom::sequence::terminated;

use super::element::Element::{self, Many0, Many1, Octet, Rule};
use super::element::{Literal, after, take, whole};
use crate::bytes::ascii::{as_str, is_pct_encoded, parse_decimal};
use crate::bytes::class::{DIGIT, HEXDIG, IPV_FUTURE, REG_NAME};

/// A host and an optional port, as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a>(pub(super) &'a str);

impl<'a> Authority<'a> {
    /// All of it.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// `uri-host`: a registered name, an IPv4 address, or an IP literal with its brackets. Never
    /// empty.
    pub fn host(self) -> &'a str {
        self.divided().map_or(self.0, |(host, _)| as_str(host))
    }

    /// `port`; `None` when it is absent or empty.
    pub fn port(self) -> Option<u16> {
        self.divided().and_then(|(_, port)| parse_port(port))
    }

    /// Whether there is a `port` that is not empty.
    pub fn has_port(self) -> bool {
        self.divided().is_some_and(|(_, port)| !port.is_empty())
    }

    /// The host and the port, without the colon between them. No host itself ends with a colon and
    /// digits: an IP literal ends with its bracket.
    fn divided(self) -> Option<(&'a [u8], &'a [u8])> {
        let mut before = self.0.as_bytes();
        while let [rest @ .., b'0'..=b'9'] = before {
            before = rest;
        }
        let [host @ .., b':'] = before else { return None };
        Some((host, self.0.as_bytes().get(before.len()..)?))
    }
}

/// ```abnf
/// Host        = uri-host [ ":" port ]                   ; RFC 9110 §7.2
/// host        = IP-literal / IPv4address / reg-name     ; RFC 3986 §3.2.2
/// port        = *DIGIT                                  ; RFC 3986 §3.2.3
/// ```
/// An empty host is refused: it is none under `http` (RFC 9110 §4.2.1). A user name and password
/// are refused as well (§4.2.4), and a port of more than 16 bits.
pub fn authority(input: &[u8]) -> Option<Authority<'_>> {
    whole(AUTHORITY, input).map(|octets| Authority(as_str(octets)))
}

/// The element that [`authority`] parses.
pub(super) const AUTHORITY: Element = Rule(|input| {
    let is_port = |digits: &[u8]| digits.is_empty() || parse_port(digits).is_some();
    let port = verify(Many0(&DIGIT), is_port);
    after((alt((IP_LITERAL, HOST_NAME)), opt((Octet(b':'), port))), input)
});

fn parse_port(digits: &[u8]) -> Option<u16> {
    u16::try_from(parse_decimal(digits)?).ok()
}

/// A reg-name that is not empty. An IPv4address is one too, and nothing here tells them apart.
const HOST_NAME: Element = Rule(|input| after(verify(Many1(&REG_NAME), is_pct_encoded), input));

/// ```abnf
/// IP-literal = "[" ( IPv6address / IPvFuture  ) "]"
/// ```
const IP_LITERAL: Element =
    Rule(|input| after((Octet(b'['), alt((IPV6_ADDRESS, IPV_FUTURE_ADDRESS)), Octet(b']')), input));

/// ```abnf
/// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
/// ```
const IPV_FUTURE_ADDRESS: Element = Rule(|input| {
    after((alt((Octet(b'v'), Octet(b'V'))), Many1(&HEXDIG), Octet(b'.'), Many1(&IPV_FUTURE)), input)
});

/// ```abnf
/// IPv6address =                            6( h16 ":" ) ls32
///             /                       "::" 5( h16 ":" ) ls32
///             / [               h16 ] "::" 4( h16 ":" ) ls32
///             / [ *1( h16 ":" ) h16 ] "::" 3( h16 ":" ) ls32
///             / [ *2( h16 ":" ) h16 ] "::" 2( h16 ":" ) ls32
///             / [ *3( h16 ":" ) h16 ] "::"    h16 ":"   ls32
///             / [ *4( h16 ":" ) h16 ] "::"              ls32
///             / [ *5( h16 ":" ) h16 ] "::"              h16
///             / [ *6( h16 ":" ) h16 ] "::"
/// h16         = 1*4HEXDIG
/// ls32        = ( h16 ":" h16 ) / IPv4address
/// ```
/// In other words: eight h16. An IPv4address at the end counts as two, and one `::` stands for any
/// number of them, but not for none.
const IPV6_ADDRESS: Element = Rule(|input| {
    let mut count = 0;
    let rest = after_groups(input, &mut count);
    let Some(rest) = after(Literal(b"::"), rest) else { return (count == 8).then_some(rest) };
    let rest = after_groups(rest, &mut count);
    (count < 8).then_some(rest)
});

/// What is left after groups divided by colons, as many as there are; adds the number of h16 that they
/// count as to `count`.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn after_groups<'i>(input: &'i [u8], count: &mut usize) -> &'i [u8] {
    let (mut rest, mut next) = (input, Some(input));
    while let Some(group) = next
        && let Some((behind, h16)) = take(alt((IPV4_AT_END.map(|_| 2), H16.map(|_| 1))), group)
    {
        rest = behind;
        *count += h16;
        next = after(Octet(b':'), rest);
    }
    rest
}

const H16: Element = Rule(|input| {
    let is_short = |digits: &[u8]| digits.len() <= 4;
    after(verify(Many1(&HEXDIG), is_short), input)
});

/// An IPv4address in an IP-literal is always the last group.
const IPV4_AT_END: Element =
    Rule(|input| after(terminated(IPV4_ADDRESS, peek(Octet(b']'))), input));

/// ```abnf
/// IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet
/// ```
const IPV4_ADDRESS: Element = Rule(|input| {
    let next = Rule(|input| after((Octet(b'.'), DEC_OCTET), input));
    after((DEC_OCTET, next, next, next), input)
});

/// ```abnf
/// dec-octet   = DIGIT                 ; 0-9
///             / %x31-39 DIGIT         ; 10-99
///             / "1" 2DIGIT            ; 100-199
///             / "2" %x30-34 DIGIT     ; 200-249
///             / "25" %x30-35          ; 250-255
/// ```
const DEC_OCTET: Element = Rule(|input| {
    let is_dec_octet = |digits: &[u8]| {
        let is_padded = matches!(digits, [b'0', _, ..]);
        !is_padded && parse_decimal(digits).is_some_and(|number| number <= 255)
    };
    after(verify(Many1(&DIGIT), is_dec_octet), input)
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;
    use std::string::String;

    #[test]
    fn hosts() {
        let good = [
            ("a", "a", None),
            ("a.example:80", "a.example", Some(80)),
            ("a:", "a", None),
            ("127.0.0.1:065535", "127.0.0.1", Some(65535)),
            ("a%41_~!$&'()*+,;=", "a%41_~!$&'()*+,;=", None),
            ("[::1]:1", "[::1]", Some(1)),
            ("[::1]", "[::1]", None),
            ("[v1.a:b]", "[v1.a:b]", None),
            ("[v1.a:b]:", "[v1.a:b]", None),
        ];
        for (input, host, port) in good {
            let found = authority(input.as_bytes()).unwrap();
            assert_eq!((found.as_str(), found.host(), found.port()), (input, host, port));
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

    #[test]
    fn ipv6_addresses_are_those_that_core_parses() {
        const PIECES: [&str; 12] =
            ["0", "1:", "a:", "F0f:", "::", ":", "9abc:", "12345", "1.2.3.255", "256", ".01.", "%"];
        let mut address = String::new();
        let (mut random, mut valid) = (1u64, 0);
        for _ in 0..400_000 {
            address.clear();
            loop {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let [_, _, choice, end, ..] = random.to_be_bytes().map(usize::from);
                // Most of those at the end are never part of an address.
                let choice = (choice % 16).min(choice % 12);
                address.push_str(PIECES[choice]);
                if end % 9 == 0 {
                    break;
                }
            }
            let expected = address.parse::<Ipv6Addr>().is_ok();
            let literal = std::format!("[{address}]");
            assert_eq!(authority(literal.as_bytes()).is_some(), expected, "{address}");
            valid += u32::from(expected);
        }
        assert!(valid > 5000, "{valid}");
    }
}
