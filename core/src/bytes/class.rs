//! Character classes, each with its ABNF.

/// A set of octets, as bits of four words: a fraction of what a table of all octets weighs.
///
/// There is one bit for each octet up to 0x7e. The last bit stands for all octets above 0x7f (obs-text),
/// which are in the set together, or none. DEL, whose bit it would be, is in no set.
#[derive(Clone, Copy, Debug)]
pub struct Class([u32; 4]);

impl Class {
    const NONE: Self = Self([0; 4]);
    const ALL: Self = Self([u32::MAX; 4]);
    const ALPHANUMERIC: Self = Self::NONE
        .and(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        .and(b"abcdefghijklmnopqrstuvwxyz")
        .and(b"0123456789");
    /// VCHAR and obs-text.
    const VISIBLE: Self = Self([0, u32::MAX, u32::MAX, u32::MAX]).without(b" ");

    /// The set with these octets of ASCII, too.
    const fn and(self, octets: &[u8]) -> Self {
        self.with(octets, true)
    }

    /// The set without these octets of ASCII.
    const fn without(self, octets: &[u8]) -> Self {
        self.with(octets, false)
    }

    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    const fn with(mut self, mut octets: &[u8], is_member: bool) -> Self {
        while let [octet, rest @ ..] = octets {
            let bit = 1 << (*octet % 32);
            let word = &mut self.0[(*octet / 32) as usize];
            *word = if is_member { *word | bit } else { *word & !bit };
            octets = rest;
        }
        self
    }

    /// Whether `octet` is in the set.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn contains(&self, octet: u8) -> bool {
        let bit = octet.min(0x7f);
        let word = self.0.get(usize::from(bit / 32)).copied().unwrap_or_default();
        octet != 0x7f && word >> (bit % 32) & 1 != 0
    }
}

/// ```abnf
/// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "."
///       / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA        ; RFC 9110 §5.6.2
/// ```
pub static TCHAR: Class = Class::ALPHANUMERIC.and(b"!#$%&'*+-.^_`|~");

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
pub static TARGET: Class = Class::ALPHANUMERIC.and(b"-._~!$&'()*+,;=%:@/?[]{}|^\\`");

/// ```abnf
/// schar      = unreserved / escaped / xreserved                    ; RFC 3875 §4.4
/// unreserved = alpha / digit / "-" / "_" / "." / "!" / "~" / "*" / "'" / "(" / ")"
/// xreserved  = ";" / "/" / "?" / ":" / "@" / "&" / "," / "$"
/// ```
/// The octets of a word of an indexed query, the percent sign among them.
pub static SEARCH: Class = Class::ALPHANUMERIC.and(b"-_.!~*'();/?:@&,$%");

/// ```abnf
/// field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
/// field-vchar   = VCHAR / obs-text                           ; RFC 9110 §5.5
/// ```
pub const fn is_field(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

/// Whether all of `octets` [may stand in a field](is_field). It checks all of them, without a branch
/// for each.
pub fn are_field(octets: &[u8]) -> bool {
    octets.iter().fold(true, |all, &octet| all & is_field(octet))
}

/// ```abnf
/// VCHAR / obs-text / SP / HTAB                               ; RFC 9110 §5.5
/// ```
/// The set of octets that [`is_field`] accepts.
pub static FIELD: Class = Class::VISIBLE.and(b" \t");

/// ```abnf
/// qdtext = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text   ; RFC 9110 §5.6.4
/// ```
pub static QDTEXT: Class = Class::VISIBLE.and(b" \t").without(b"\"\\");

/// ```abnf
/// etagc = %x21 / %x23-7E / obs-text                          ; RFC 9110 §8.8.3
/// ```
pub static ETAGC: Class = Class::VISIBLE.without(b"\"");

/// ```abnf
/// reg-name = *( unreserved / pct-encoded / sub-delims )      ; RFC 3986 §3.2.2
/// ```
pub static REG_NAME: Class = Class::ALPHANUMERIC.and(b"-._~!$&'()*+,;=%");

/// ```abnf
/// unreserved / sub-delims / ":"                              ; RFC 3986 §3.2.2, of IPvFuture
/// ```
pub static IPV_FUTURE: Class = Class::ALPHANUMERIC.and(b"-._~!$&'()*+,;=:");

/// ```abnf
/// bchars        = bcharsnospace / " "
/// bcharsnospace = DIGIT / ALPHA / "'" / "(" / ")" / "+" / "_" / "," / "-" / "." / "/" / ":" / "="
///               / "?"                                      ; RFC 2046 §5.1.1
/// ```
pub static BCHARS: Class = Class::ALPHANUMERIC.and(b"'()+_,-./:=? \\");

/// ```abnf
/// DIGIT = %x30-39                                            ; RFC 5234 §B.1
/// ```
pub static DIGIT: Class = Class::NONE.and(b"0123456789");

/// ```abnf
/// HEXDIG = DIGIT / "A" / "B" / "C" / "D" / "E" / "F"         ; RFC 5234 §B.1, of either case
/// ```
pub static HEXDIG: Class = Class::NONE.and(b"0123456789ABCDEFabcdef");

/// Every octet but the question mark, which ends a path, and DEL, which is in no target.
pub static BEFORE_QUERY: Class = Class::ALL.without(b"?");

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
        for (class, size) in [
            (&FIELD, 256 - 33 + 1),
            (&QDTEXT, 256 - 33 + 1 - 2),
            (&ETAGC, 256 - 34 - 1),
            (&REG_NAME, 62 + 4 + 11 + 1),
            (&IPV_FUTURE, 62 + 4 + 11 + 1),
            (&TARGET, 62 + 4 + 11 + 1 + 4 + 8),
            (&BCHARS, 62 + 14),
            (&DIGIT, 10),
            (&HEXDIG, 22),
        ] {
            assert_eq!((0..=255).filter(|&octet| class.contains(octet)).count(), size);
        }
        for octet in 0..=255 {
            assert_eq!(FIELD.contains(octet), is_field(octet));
            assert_eq!(HEXDIG.contains(octet), octet.is_ascii_hexdigit());
        }
        for octet in [b'#', b'"', b'<', 0x80] {
            assert!(!TARGET.contains(octet));
        }
    }
}
