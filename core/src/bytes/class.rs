//! Character classes, each with its ABNF.

use super::ascii::hex_digit;

/// A set of ASCII characters, as bits of four words: a fraction of what a table of octets weighs.
#[derive(Clone, Copy, Debug)]
pub struct Class([u32; 4]);

impl Class {
    /// ALPHA, DIGIT, and these.
    const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut words = [0; 4];
        let mut octet: u8 = 0;
        while octet < 128 {
            if octet.is_ascii_alphanumeric() || among(octet, others) {
                #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
                {
                    words[(octet / 32) as usize] |= 1 << (octet % 32);
                }
            }
            octet += 1;
        }
        Self(words)
    }

    /// Whether `octet` is one of them; no octet above 0x7f is.
    pub fn contains(&self, octet: u8) -> bool {
        let Self(words) = self;
        words.get(usize::from(octet / 32)).is_some_and(|word| word >> (octet % 32) & 1 != 0)
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn among(octet: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == octet {
            return true;
        }
        i += 1;
    }
    false
}

/// ```abnf
/// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "."
///       / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA        ; RFC 9110 §5.6.2
/// ```
pub static TCHAR: Class = Class::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// Whether an octet is in [`TCHAR`].
pub fn is_tchar(octet: u8) -> bool {
    TCHAR.contains(octet)
}

/// ```abnf
/// pchar      = unreserved / pct-encoded / sub-delims / ":" / "@"   ; RFC 3986 §3.3
/// query      = *( pchar / "/" / "?" )                              ; RFC 3986 §3.4
/// ```
/// and besides `[ ] { } | ^ \` and the backquote, which browsers leave as they are (WHATWG URL,
/// query percent-encode set). `#` never belongs to a request-target.
pub static TARGET: Class = Class::alphanumeric_and(b"-._~!$&'()*+,;=%:@/?[]{}|^\\`");

/// ```abnf
/// field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
/// field-vchar   = VCHAR / obs-text                           ; RFC 9110 §5.5
/// ```
pub const fn is_field(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

/// Whether all of `octets` [may stand in a field](is_field). All of them are looked at, which takes no
/// branch for each.
pub fn are_field(octets: &[u8]) -> bool {
    octets.iter().fold(true, |all, &octet| all & is_field(octet))
}

/// ```abnf
/// reg-name = *( unreserved / pct-encoded / sub-delims )      ; RFC 3986 §3.2.2
/// ```
pub fn is_reg_name(octet: u8) -> bool {
    static REG_NAME: Class = Class::alphanumeric_and(b"-._~!$&'()*+,;=%");
    REG_NAME.contains(octet)
}

/// ```abnf
/// qdtext = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text   ; RFC 9110 §5.6.4
/// ```
pub const fn is_qdtext(octet: u8) -> bool {
    is_field(octet) && octet != b'"' && octet != b'\\'
}

/// ```abnf
/// HEXDIG = DIGIT / "A" / "B" / "C" / "D" / "E" / "F"         ; RFC 5234 §B.1, of either case
/// ```
pub const fn is_hexdig(octet: u8) -> bool {
    hex_digit(octet).is_some()
}

/// ```abnf
/// OWS = *( SP / HTAB )                                       ; RFC 9110 §5.6.3
/// ```
pub const fn is_ows(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

/// A control octet that no part of a head may hold: all of `CTL` but HTAB.
pub const fn is_control(octet: u8) -> bool {
    !is_field(octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_what_their_abnf_lists() {
        let count = |class: fn(u8) -> bool| (0..=255).filter(|&octet| class(octet)).count();
        assert_eq!(count(is_tchar), 15 + 62);
        assert_eq!(count(is_field), 256 - 33 + 1);
        assert_eq!(count(is_qdtext), 256 - 33 + 1 - 2);
        assert_eq!(count(is_reg_name), 62 + 4 + 11 + 1);
        assert_eq!(count(|octet| TARGET.contains(octet)), 62 + 4 + 11 + 1 + 4 + 8);
        for octet in [b'#', b'"', b'<', 0x80] {
            assert!(!TARGET.contains(octet));
        }
    }
}
