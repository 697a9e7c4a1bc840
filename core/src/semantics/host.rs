//! Whether a host is one that a server goes by.

use crate::bytes::ascii::parse_decimal;

/// Whether `host`, which a request is for, as [`Authority::host`](crate::grammar::host::Authority::host) has
/// it, is among `names`, or can't be a name that somebody else has put
/// upon this server's address (DNS rebinding): an IP address, or one of the machine itself.
///
/// Names are compared without regard to case and to a dot at the end of either (RFC 3986 §3.2.2).
/// `*.example.org` among them stands for all that ends in `.example.org`, at any depth. `localhost` and
/// what ends in `.localhost` never leave the machine (RFC 6761 §6.3).
///
/// ```
/// use thimble_core::semantics::host::is_own_host;
///
/// let names = ["printer.example", "*.lan.example"];
/// assert!(is_own_host("PRINTER.example.", &names));
/// assert!(is_own_host("a.b.lan.example", &names) && !is_own_host("lan.example", &names));
/// assert!(is_own_host("localhost", &[]) && is_own_host("[::1]", &[]));
/// assert!(!is_own_host("evil.example", &names));
/// ```
pub fn is_own_host(host: &str, names: &[&str]) -> bool {
    let host = without_dot(host.as_bytes());
    is_address(host) || is_or_ends(host, b"localhost") || names.iter().any(|name| is(host, name))
}

fn is(host: &[u8], name: &str) -> bool {
    let name = without_dot(name.as_bytes());
    match name.strip_prefix(b"*.") {
        Some(domain) => host.len() > domain.len() && is_or_ends(host, domain),
        None => host.eq_ignore_ascii_case(name),
    }
}

/// Whether `host` is `domain`, or stands below it.
fn is_or_ends(host: &[u8], domain: &[u8]) -> bool {
    let Some(at) = host.len().checked_sub(domain.len()) else { return false };
    let Some((before, end)) = host.split_at_checked(at) else { return false };
    end.eq_ignore_ascii_case(domain) && matches!(before, [] | [_, .., b'.'])
}

/// Whether a host is an address. One in brackets was parsed already: it is of IPv6, or of a version to come.
///
/// ```abnf
/// IPvFuture   = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )   ; RFC 3986 §3.2.2
/// IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet
/// ```
fn is_address(host: &[u8]) -> bool {
    if let [b'[', first, .., b']'] = host {
        return first.is_ascii_hexdigit() || *first == b':';
    }
    let is_dec_octet = |digits: &[u8]| {
        let is_padded = matches!(digits, [b'0', _, ..]);
        !is_padded && parse_decimal(digits).is_some_and(|number| number <= 255)
    };
    let mut parts = host.split(|octet| *octet == b'.');
    parts.clone().count() == 4 && parts.all(is_dec_octet)
}

fn without_dot(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_hosts() {
        let names = ["a.example", "Dot.example.", "*.b.example"];
        for host in [
            "a.example",
            "A.EXAMPLE",
            "a.example.",
            "dot.example",
            "dot.example.",
            "x.b.example",
            "x.y.B.example.",
            "localhost",
            "LocalHost.",
            "app.localhost",
            "127.0.0.1",
            "192.0.2.1",
            "192.0.2.1.",
            "[::1]",
            "[2001:DB8::1]",
            "[::ffff:192.0.2.1]",
        ] {
            assert!(is_own_host(host, &names), "{host}");
        }
        for host in [
            "",
            ".",
            "b.example",
            ".b.example",
            "xb.example",
            "a.example..",
            "xa.example",
            "x.a.example",
            "a.example.evil",
            "localhost.evil",
            "evillocalhost",
            ".localhost",
            "127.0.0.1.evil",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "[v1.a]",
            "[::1",
            "1.2.3",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.",
            "1.2.3.4.5",
            "::1",
            "*.b.example.evil",
        ] {
            assert!(!is_own_host(host, &names), "{host}");
        }
    }
}
