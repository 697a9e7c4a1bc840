//! The Host field value and an authority (RFC 9110 §4.2 and §7.2, RFC 3986 §3.2.2).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{map, opt, recognize, verify};
use nom::multi::fold_many_m_n;
use nom::sequence::{delimited, preceded};

use super::{Parsed, ascii, whole};
use crate::bytes::ascii::{hex_digit, parse_decimal};
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
    verify(take_while1(is_reg_name), |name: &[u8]| {
        name.split(|&octet| octet == b'%').skip(1).all(|after| {
            matches!(after, [a, b, ..] if hex_digit(*a).is_some() && hex_digit(*b).is_some())
        })
    })
    .parse(input)
}

/// ```abnf
/// IP-literal = "[" ( IPv6address / IPvFuture  ) "]"
/// IPvFuture  = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
/// ```
fn ip_literal(input: &[u8]) -> Parsed<'_, &[u8]> {
    let inside = verify(take_while1(|octet| octet != b']'), |address: &[u8]| {
        is_ipv6_address(address) || is_ipv_future(address)
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

/// ```abnf
/// IPv6address =                            6( h16 ":" ) ls32
///             /                       "::" 5( h16 ":" ) ls32
///             / ...
///             / [ *6( h16 ":" ) h16 ] "::"
/// ```
/// That is: eight groups of 16 bits, the last two of which may be an IPv4address, or fewer than
/// eight and one `::`.
fn is_ipv6_address(address: &[u8]) -> bool {
    let split = address.windows(2).position(|pair| pair == b"::");
    let groups = |side| whole(groups(side));
    match split {
        None => groups(address) == Some(8),
        Some(at) => {
            let (before, after) = address.split_at(at);
            let after = after.get(2..).unwrap_or_default();
            let before = if before.is_empty() { Some(0) } else { whole(h16s(before)) };
            let after = if after.is_empty() { Some(0) } else { groups(after) };
            matches!((before, after), (Some(before), Some(after)) if before + after < 8)
        }
    }
}

/// Groups divided by colons, counted; the last may be an IPv4address, which counts for two.
fn groups(input: &[u8]) -> Parsed<'_, usize> {
    let with_ipv4 = |input| -> Parsed<'_, usize> {
        let h16s = fold_many_m_n(0, 6, |input| (h16, char(':')).parse(input), || 0, |n, _| n + 1);
        map((h16s, ipv4_address), |(groups, ())| groups + 2).parse(input)
    };
    match with_ipv4(input) {
        Ok(([], groups)) => Ok((&[], groups)),
        _ => h16s(input),
    }
}

fn h16s(input: &[u8]) -> Parsed<'_, usize> {
    let (input, _) = h16(input)?;
    fold_many_m_n(0, 7, |input| preceded(char(':'), h16).parse(input), || 1, |n, _| n + 1)
        .parse(input)
}

/// ```abnf
/// h16 = 1*4HEXDIG
/// ```
fn h16(input: &[u8]) -> Parsed<'_, &[u8]> {
    nom::bytes::complete::take_while_m_n(1, 4, |octet: u8| octet.is_ascii_hexdigit())(input)
}

/// ```abnf
/// IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet
/// ```
fn ipv4_address(input: &[u8]) -> Parsed<'_, ()> {
    let dec_octet = |input| {
        verify(take_while1(|octet: u8| octet.is_ascii_digit()), |digits: &[u8]| {
            (digits.len() == 1 || !digits.starts_with(b"0"))
                && parse_decimal(digits).is_some_and(|number| number < 256)
        })
        .parse(input)
    };
    let more =
        fold_many_m_n(3, 3, |input| preceded(char('.'), dec_octet).parse(input), || (), |(), _| ());
    map((dec_octet, more), |_| ()).parse(input)
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

    #[test]
    fn ipv6_addresses_as_the_standard_library_reads_them() {
        let inputs = [
            "::",
            "::1",
            "1::",
            "1::2",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:1.2.3.4",
            "::1.2.3.4",
            "1::1.2.3.4",
            "::ffff:1.2.3.4",
            "fe80::1:2",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::",
            "1::2::3",
            ":::",
            "1:",
            ":1",
            "12345::",
            "::1.2.3",
            "::1.2.3.256",
            "::01.2.3.4",
            "1.2.3.4",
            "1.2.3.4::",
            "::g",
            "1:2:3:4:5:6:7:1.2.3.4",
            "::1:2:3:4:5:6:1.2.3.4",
            "1::%eth0",
            "::1:",
            "1:::2",
        ];
        for input in inputs {
            let expected = input.parse::<core::net::Ipv6Addr>().is_ok();
            assert_eq!(is_ipv6_address(input.as_bytes()), expected, "{input}");
        }
    }
}
