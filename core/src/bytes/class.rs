//! Character classes, each with its ABNF, as bits of one table.

const TCHAR: u8 = 1;
const TARGET: u8 = 2;
const FIELD: u8 = 4;
const REG_NAME: u8 = 8;
const QDTEXT: u8 = 16;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut octet: u8 = 0;
    loop {
        let mut class = 0;
        let alphanumeric = octet.is_ascii_alphanumeric();
        if alphanumeric || among(octet, b"!#$%&'*+-.^_`|~") {
            class |= TCHAR;
        }
        if alphanumeric || among(octet, b"-._~!$&'()*+,;=%:@/?[]{}|^\\`") {
            class |= TARGET;
        }
        if alphanumeric || among(octet, b"-._~!$&'()*+,;=%") {
            class |= REG_NAME;
        }
        if octet == b'\t' || (octet >= b' ' && octet != 0x7f) {
            class |= FIELD;
            if octet != b'"' && octet != b'\\' {
                class |= QDTEXT;
            }
        }
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            classes[octet as usize] = class;
        }
        if octet == 255 {
            break;
        }
        octet += 1;
    }
    classes
};

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

#[expect(clippy::indexing_slicing, reason = "an octet is always within 256 entries")]
fn is(octet: u8, class: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// ```abnf
/// tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "."
///       / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA        ; RFC 9110 §5.6.2
/// ```
pub fn is_tchar(octet: u8) -> bool {
    is(octet, TCHAR)
}

/// ```abnf
/// pchar      = unreserved / pct-encoded / sub-delims / ":" / "@"   ; RFC 3986 §3.3
/// query      = *( pchar / "/" / "?" )                              ; RFC 3986 §3.4
/// ```
/// and besides `[ ] { } | ^ \` and the backquote, which browsers leave as they are (WHATWG URL,
/// query percent-encode set). `#` never belongs to a request-target.
pub fn is_target(octet: u8) -> bool {
    is(octet, TARGET)
}

/// ```abnf
/// field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
/// field-vchar   = VCHAR / obs-text                           ; RFC 9110 §5.5
/// ```
pub fn is_field(octet: u8) -> bool {
    is(octet, FIELD)
}

/// ```abnf
/// reg-name = *( unreserved / pct-encoded / sub-delims )      ; RFC 3986 §3.2.2
/// ```
pub fn is_reg_name(octet: u8) -> bool {
    is(octet, REG_NAME)
}

/// ```abnf
/// qdtext = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text   ; RFC 9110 §5.6.4
/// ```
pub fn is_qdtext(octet: u8) -> bool {
    is(octet, QDTEXT)
}

/// ```abnf
/// OWS = *( SP / HTAB )                                       ; RFC 9110 §5.6.3
/// ```
pub const fn is_ows(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// A control octet that no part of a head may hold: all of `CTL` but HTAB.
pub fn is_control(octet: u8) -> bool {
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
        assert_eq!(count(is_target), 62 + 4 + 11 + 1 + 4 + 8);
        assert!(!is_target(b'#') && !is_target(b'"') && !is_target(b'<') && !is_target(0x80));
    }
}
