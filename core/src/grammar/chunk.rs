//! The line that begins a chunk (RFC 9112 §7.1).

use super::list::token_or_quoted_string;
use super::{divider, token};
use crate::bytes::ascii::hex_digit;
use crate::bytes::class::is_hexdig;
use crate::bytes::take::take_while;

/// More digits than a 64-bit size has.
const MAX_DIGITS: usize = 16;

/// ```abnf
/// chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
/// chunk-size     = 1*HEXDIG
/// chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
/// ```
/// The size that a whole line says, without its CRLF, and the octets of its extensions; a size of 0
/// is that of the last chunk. Extensions are checked and ignored, as §7.1.1 asks. More than 16 digits
/// are refused, zeros in front included.
pub fn chunk_size(line: &[u8]) -> Option<(u64, usize)> {
    let mut rest = line;
    let digits = digits(&mut rest)?;
    let extensions = rest.len();
    while !rest.is_empty() {
        extension(&mut rest)?;
    }
    let add = |size, &digit: &u8| Some((size << 4) | u64::from(hex_digit(digit)?));
    Some((digits.iter().try_fold(0, add)?, extensions))
}

fn digits<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    let digits = take_while(input, is_hexdig);
    (1..=MAX_DIGITS).contains(&digits.len()).then_some(digits)
}

/// ```abnf
/// chunk-ext-name = token
/// chunk-ext-val  = token / quoted-string
/// ```
fn extension(input: &mut &[u8]) -> Option<()> {
    divider(b';', input)?;
    token(input)?;
    // Whitespace behind the name belongs to what comes next, which has to be there.
    let mut ahead = *input;
    if divider(b'=', &mut ahead).is_some() {
        token_or_quoted_string(&mut ahead)?;
        *input = ahead;
    }
    Some(())
}

/// Whether a line that has not ended yet may still become one, judged by its first octets: a line
/// that can't is refused without waiting for its end.
pub fn may_be_chunk_size(part: &[u8]) -> bool {
    let mut rest = part;
    part.is_empty()
        || digits(&mut rest).is_some() && matches!(rest, [] | [b';' | b' ' | b'\t' | b'\r', ..])
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
