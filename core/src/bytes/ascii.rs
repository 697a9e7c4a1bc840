//! Text and numbers in ASCII.

use super::class::is_ows;

/// The decimal digits of a number, without `core::fmt`, whose machinery weighs kilobytes on a
/// microcontroller.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// The digits of `number`.
    pub fn new(mut number: u64) -> Self {
        let mut decimal = Self { digits: [0; 20], start: 20 };
        for place in decimal.digits.iter_mut().rev() {
            let digit;
            (number, digit) = divide_by_ten(number);
            *place = b'0' + digit;
            decimal.start -= 1;
            if number == 0 {
                break;
            }
        }
        decimal
    }

    /// The digits, at least one.
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// Quotient and remainder, by parts: 64-bit division is a large function on 32-bit processors.
#[expect(clippy::cast_possible_truncation, reason = "each part is what 32 bits hold")]
const fn divide_by_ten(number: u64) -> (u64, u8) {
    if cfg!(target_pointer_width = "64") {
        return (number / 10, (number % 10) as u8);
    }
    let (high, low) = ((number >> 32) as u32, number as u32);
    let middle = (high % 10) << 16 | low >> 16;
    let lowest = (middle % 10) << 16 | low & 0xffff;
    let quotient = ((high / 10) as u64) << 32 | (((middle / 10) << 16) | (lowest / 10)) as u64;
    (quotient, (lowest % 10) as u8)
}

/// The number that `digits` spells, `None` unless they are `1*DIGIT` and fit 64 bits.
pub fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &digit| {
        let value = u64::from(digit.checked_sub(b'0').filter(|&value| value < 10)?);
        number.checked_mul(10)?.checked_add(value)
    })
}

/// `octets` as UTF-8, or U+FFFD when they are not, which matches nothing that anyone looks for. Most
/// callers have matched classes without octets above 0x7f, and always get their text.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn as_str(octets: &[u8]) -> &str {
    match text(octets) {
        (text, 0) => text,
        _ => "\u{fffd}",
    }
}

/// The UTF-8 text at the start, and the number of octets after it that are an incomplete or invalid
/// character; 0 when all of it is text.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn text(octets: &[u8]) -> (&str, usize) {
    // Several octets at once, in a function that is larger.
    #[cfg(target_pointer_width = "64")]
    if let Ok(text) = core::str::from_utf8(octets) {
        return (text, 0);
    }
    let chunk = octets.utf8_chunks().next();
    chunk.map_or(("", 0), |chunk| (chunk.valid(), chunk.invalid().len()))
}

/// The value of one hexadecimal digit, of either case.
pub const fn hex_digit(octet: u8) -> Option<u8> {
    match (octet.wrapping_sub(b'0'), (octet | 0x20).wrapping_sub(b'a')) {
        (digit @ 0..=9, _) => Some(digit),
        (_, letter @ 0..=5) => Some(letter + 10),
        _ => None,
    }
}

/// The octet that a percent sign encodes; `after` is what follows the sign.
///
/// ```abnf
/// pct-encoded = "%" HEXDIG HEXDIG                       ; RFC 3986 §2.1
/// ```
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn pct_decoded(after: &[u8]) -> Option<u8> {
    let [high, low, ..] = after else { return None };
    Some(hex_digit(*high)? << 4 | hex_digit(*low)?)
}

/// Decodes the pct-encoded octets at the start of `input`, four at most: no character has more. An
/// octet that is not encoded never completes a character that is.
// Forms are all that most devices decode so.
#[cfg_attr(not(target_pointer_width = "64"), inline(always))]
pub fn pct_sequence<'o>(mut input: &[u8], octets: &'o mut [u8; 4]) -> &'o [u8] {
    let mut count = 0;
    for slot in octets.iter_mut() {
        let [b'%', after @ ..] = input else { break };
        let Some(octet) = pct_decoded(after) else { break };
        *slot = octet;
        count += 1;
        input = after.get(2..).unwrap_or_default();
    }
    octets.get(..count).unwrap_or_default()
}

/// Whether every percent sign in `octets` begins a pct-encoded octet.
pub fn is_pct_encoded(mut octets: &[u8]) -> bool {
    while let [octet, rest @ ..] = octets {
        if *octet == b'%' && pct_decoded(rest).is_none() {
            return false;
        }
        octets = rest;
    }
    true
}

/// `octets` without optional whitespace at its ends.
pub fn trim_ows(octets: &[u8]) -> &[u8] {
    trim_ows_end(trim_ows_start(octets))
}

/// `octets` without optional whitespace at its start.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn trim_ows_start(mut octets: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = octets
        && is_ows(*first)
    {
        octets = rest;
    }
    octets
}

/// `octets` without optional whitespace at its end.
pub fn trim_ows_end(mut octets: &[u8]) -> &[u8] {
    while let [rest @ .., last] = octets
        && is_ows(*last)
    {
        octets = rest;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_trip() {
        for number in [0, 7, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            assert_eq!(parse_decimal(Decimal::new(number).as_bytes()), Some(number));
        }
    }

    #[test]
    fn only_digits_within_64_bits_are_a_decimal() {
        assert_eq!(parse_decimal(b"18446744073709551616"), None);
        for bad in [&b""[..], b"+1", b"-1", b"1 ", b" 1", b"0x1", b"1,1", b"1_0"] {
            assert_eq!(parse_decimal(bad), None);
        }
        assert_eq!(parse_decimal(b"00000000000000000000000005"), Some(5));
    }

    #[test]
    fn digits_are_hexadecimal_in_either_case() {
        for octet in 0..=255 {
            assert_eq!(hex_digit(octet).map(u32::from), char::from(octet).to_digit(16));
        }
    }

    #[test]
    fn ows_is_trimmed_at_both_ends_only() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b" \t "), b"");
    }
}
