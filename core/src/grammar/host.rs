//! The Host field value and an authority (RFC 9110 §4.2 and §7.2, RFC 3986 §3.2.2).

use crate::bytes::ascii::{as_str, is_pct_encoded, parse_decimal};
use crate::bytes::class::is_reg_name;
use crate::bytes::take::{take_octet, take_while};

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
    let mut rest = input;
    let host = match input {
        [b'[', ..] => ip_literal(&mut rest)?,
        _ => reg_name(&mut rest)?,
    };
    let port = match rest {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(u16::try_from(parse_decimal(digits)?).ok()?),
        _ => return None,
    };
    Some(Authority { host: as_str(host), port })
}

/// An IPv4address is a reg-name too, and nothing here tells them apart.
fn reg_name<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    let name = take_while(input, is_reg_name);
    (!name.is_empty() && is_pct_encoded(name)).then_some(name)
}

/// ```abnf
/// IP-literal = "[" ( IPv6address / IPvFuture  ) "]"
/// ```
fn ip_literal<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    let literal = *input;
    let inside = take_while(input, |octet| octet != b']');
    take_octet(input, b']')?;
    let address = inside.get(1..)?;
    (is_ipv6_address(address) || is_ipv_future(address)).then_some(literal.get(..inside.len() + 1)?)
}

/// ```abnf
/// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
/// ```
fn is_ipv_future(address: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = address else { return false };
    let mut rest = rest;
    let version = take_while(&mut rest, |octet| octet.is_ascii_hexdigit());
    let [b'.', rest @ ..] = rest else { return false };
    let mut left = rest;
    take_while(&mut left, |octet| octet != b'%' && (is_reg_name(octet) || octet == b':'));
    !version.is_empty() && !rest.is_empty() && left.is_empty()
}

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
/// Which is to say: eight h16, of which an IPv4address at the end stands for two, and one `::` for
/// any number of them but none.
fn is_ipv6_address(address: &[u8]) -> bool {
    let (mut rest, mut groups, mut is_elided) = (address, 0, false);
    loop {
        if let [b':', b':', after @ ..] = rest
            && !is_elided
        {
            (rest, is_elided) = (after, true);
            if rest.is_empty() {
                break;
            }
        } else if groups > 0 {
            let [b':', after @ ..] = rest else { return false };
            rest = after;
        }
        let group = rest;
        let digits = take_while(&mut rest, |octet| octet.is_ascii_hexdigit());
        groups += 1;
        if let [b'.', ..] = rest {
            groups += 1;
            if !is_ipv4_address(group) {
                return false;
            }
            break;
        }
        if !(1..=4).contains(&digits.len()) {
            return false;
        }
        if rest.is_empty() {
            break;
        }
    }
    if is_elided { groups < 8 } else { groups == 8 }
}

/// ```abnf
/// IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet
/// dec-octet   = DIGIT                 ; 0-9
///             / %x31-39 DIGIT         ; 10-99
///             / "1" 2DIGIT            ; 100-199
///             / "2" %x30-34 DIGIT     ; 200-249
///             / "25" %x30-35          ; 250-255
/// ```
fn is_ipv4_address(address: &[u8]) -> bool {
    let mut rest = address;
    for place in 0..4 {
        if place > 0 && take_octet(&mut rest, b'.').is_none() {
            return false;
        }
        let digits = take_while(&mut rest, |octet| octet.is_ascii_digit());
        let is_dec_octet = match digits {
            [] | [b'0', _, ..] => false,
            _ => parse_decimal(digits).is_some_and(|number| number <= 255),
        };
        if !is_dec_octet {
            return false;
        }
    }
    rest.is_empty()
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
