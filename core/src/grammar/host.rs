//! The Host field value and an authority (RFC 9110 §4.2 and §7.2, RFC 3986 §3.2.2).

use crate::bytes::ascii::{as_str, is_pct_encoded, parse_decimal};
use crate::bytes::class::{is_hexdig, is_reg_name};
use crate::bytes::take::{take_octet, take_until, take_while};

/// A host, and a port if there is one, as they stand.
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

    /// What stands before the colon of the port, and behind it. No host ends with a colon and
    /// digits: an IP literal has its bracket there.
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
    let mut rest = input;
    match input {
        [b'[', ..] => ip_literal(&mut rest)?,
        _ => reg_name(&mut rest)?,
    }
    let is_port = match rest {
        [] | [b':'] => true,
        [b':', digits @ ..] => parse_port(digits).is_some(),
        _ => false,
    };
    is_port.then_some(Authority(as_str(input)))
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    u16::try_from(parse_decimal(digits)?).ok()
}

/// An IPv4address is a reg-name too, and nothing here tells them apart.
fn reg_name(input: &mut &[u8]) -> Option<()> {
    let name = take_while(input, is_reg_name);
    (!name.is_empty() && is_pct_encoded(name)).then_some(())
}

/// ```abnf
/// IP-literal = "[" ( IPv6address / IPvFuture  ) "]"
/// ```
fn ip_literal(input: &mut &[u8]) -> Option<()> {
    take_octet(input, b'[')?;
    let address = take_until(input, b']');
    take_octet(input, b']')?;
    (is_ipv6_address(address) || is_ipv_future(address)).then_some(())
}

/// ```abnf
/// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
/// ```
fn is_ipv_future(address: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = address else { return false };
    let mut rest = rest;
    let version = take_while(&mut rest, is_hexdig);
    let is_dotted = take_octet(&mut rest, b'.').is_some();
    let is_other = |octet| octet != b'%' && (is_reg_name(octet) || octet == b':');
    let others = take_while(&mut rest, is_other);
    is_dotted && !version.is_empty() && !others.is_empty() && rest.is_empty()
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
        } else if groups > 0 && take_octet(&mut rest, b':').is_none() {
            return false;
        }
        let group = rest;
        let digits = take_while(&mut rest, is_hexdig);
        groups += 1;
        match rest {
            [b'.', ..] if is_ipv4_address(group) => {
                groups += 1;
                break;
            }
            _ if digits.is_empty() || digits.len() > 4 => return false,
            [] => break,
            _ => {}
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
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn is_ipv4_address(address: &[u8]) -> bool {
    let (mut rest, mut count) = (address, 0);
    loop {
        let digits = take_while(&mut rest, |octet| octet.is_ascii_digit());
        let is_padded = matches!(digits, [b'0', _, ..]);
        if is_padded || parse_decimal(digits).is_none_or(|number| number > 255) {
            return false;
        }
        count += 1;
        if rest.is_empty() {
            return count == 4;
        }
        if take_octet(&mut rest, b'.').is_none() {
            return false;
        }
    }
}

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
            assert_eq!(is_ipv6_address(address.as_bytes()), expected, "{address}");
            valid += u32::from(expected);
        }
        assert!(valid > 5000, "{valid}");
    }
}
