//! The line that begins a chunk (RFC 9112 §7.1).

use nom::combinator::{opt, verify};
use nom::sequence::preceded;

use super::element::Element::{self, Many1, Rule};
use super::element::{Repeated, after, whole};
use super::list::TOKEN_OR_QUOTED_STRING;
use super::{EQUALS, SEMICOLON, TOKEN};
use crate::bytes::ascii::hex_digit;
use crate::bytes::class::HEXDIG;

/// The digits of the largest size that 64 bits hold.
const MAX_DIGITS: usize = 16;

/// ```abnf
/// chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
/// chunk-size     = 1*HEXDIG
/// chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
/// ```
/// The size in a whole line, without its CRLF, and the number of octets of its extensions. The last
/// chunk has size 0. Extensions are checked and ignored, as §7.1.1 asks. More than 16 digits are refused,
/// also when the first of them are zeros.
pub fn chunk_size(line: &[u8]) -> Option<(u64, usize)> {
    let (digits, ()) = whole((DIGITS, Repeated(EXTENSION)), line)?;
    let add = |size, &digit: &u8| Some((size << 4) | u64::from(hex_digit(digit)?));
    Some((digits.iter().try_fold(0, add)?, line.len() - digits.len()))
}

const DIGITS: Element = Rule(digits);

#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn digits(input: &[u8]) -> Option<&[u8]> {
    after(verify(Many1(&HEXDIG), |digits: &[u8]| digits.len() <= MAX_DIGITS), input)
}

/// ```abnf
/// chunk-ext-name = token
/// chunk-ext-val  = token / quoted-string
/// ```
const EXTENSION: Element = Rule(|input| {
    let value = preceded(EQUALS, TOKEN_OR_QUOTED_STRING);
    after((SEMICOLON, TOKEN, opt(value)), input)
});

/// Whether `part` can be the beginning of a chunk line: if not, the line is refused without waiting for
/// its end.
pub fn may_be_chunk_size(part: &[u8]) -> bool {
    part.is_empty() || matches!(after(DIGITS, part), Some([] | [b';' | b' ' | b'\t' | b'\r', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (line, size) in [
            ("0", 0),
            ("a", 10),
            ("00000000000000Ff", 255),
            ("ffffffffffffffff", u64::MAX),
            ("5;a", 5),
            ("5 ; a = b\t;c=\"d\\\";\"", 5),
        ] {
            let extensions = line.len() - line.find([';', ' ']).unwrap_or(line.len());
            assert_eq!(chunk_size(line.as_bytes()), Some((size, extensions)), "{line}");
            assert!(may_be_chunk_size(line.as_bytes()));
        }
        for line in [
            "",
            " 5",
            "5 ",
            "+5",
            "-5",
            "0x5",
            "g",
            "00000000000000000",
            "5;",
            "5;;a",
            "5;a=",
            "5;a=\"b",
            "5;a=b c",
            "5 a",
            "5,5",
            "5;a=\"\x7f\"",
            "5;a\r",
            "5;=b",
            "5;\u{e4}",
        ] {
            assert_eq!(chunk_size(line.as_bytes()), None, "{line}");
        }
        for part in ["x", "-", "0x", "5,", "\n", "00000000000000000"] {
            assert!(!may_be_chunk_size(part.as_bytes()), "{part}");
        }
    }
}
