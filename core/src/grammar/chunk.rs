//! The line that begins a chunk (RFC 9112 §7.1).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while_m_n};
use nom::character::complete::char;
use nom::combinator::{opt, recognize};
use nom::multi::fold_many0;
use nom::sequence::preceded;

use super::list::quoted_string;
use super::{Parsed, token, whole};
use crate::bytes::ascii::hex_digit;
use crate::bytes::class::is_ows;

/// More digits than a 64-bit size has.
const MAX_DIGITS: usize = 16;

/// ```abnf
/// chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
/// chunk-size     = 1*HEXDIG
/// chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
/// chunk-ext-name = token
/// chunk-ext-val  = token / quoted-string
/// ```
/// The size that a whole line says, without its CRLF; 0 for the last chunk. Extensions are checked
/// and ignored, as §7.1.1 asks. More than 16 digits are refused, zeros in front included.
pub fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = take_while_m_n(1, MAX_DIGITS, |octet: u8| octet.is_ascii_hexdigit());
    let extensions = fold_many0(extension, || (), |(), _| ());
    let (digits, ()) = whole((digits, extensions).parse(line))?;
    digits.iter().try_fold(0u64, |size, &digit| Some((size << 4) | u64::from(hex_digit(digit)?)))
}

fn extension(input: &[u8]) -> Parsed<'_, &[u8]> {
    let value = (bws, char('='), bws, alt((token, quoted_string)));
    recognize((bws, char(';'), bws, token, opt(value))).parse(input)
}

/// ```abnf
/// BWS = OWS                                    ; RFC 9110 §5.6.3, "bad" whitespace
/// ```
fn bws(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_ows)(input)
}

/// Whether a line that has not ended yet may still become one, judged by its first octets: a line
/// that can't is refused without waiting for its end.
pub fn may_be_chunk_size(part: &[u8]) -> bool {
    let digits: Parsed<'_, &[u8]> =
        preceded(take_while_m_n(1, MAX_DIGITS, |octet: u8| octet.is_ascii_hexdigit()), next)
            .parse(part);
    part.is_empty() || digits.is_ok()
}

fn next(input: &[u8]) -> Parsed<'_, &[u8]> {
    match input {
        [] | [b';' | b' ' | b'\t' | b'\r', ..] => Ok((input, input)),
        _ => Err(nom::Err::Error(())),
    }
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
            assert_eq!(chunk_size(line.as_bytes()), Some(size), "{line}");
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
