//! Text and numbers in ASCII.

use super::class::is_ows;

#[cfg(not(target_pointer_width = "64"))]
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 18;
    loop {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            powers[exponent] = powers[exponent + 1] * 10;
        }
        if exponent == 0 {
            break powers;
        }
        exponent -= 1;
    }
};

/// The decimal digits of a number, without `core::fmt`, whose machinery weighs kilobytes on a
/// microcontroller.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// The digits of `number`.
    #[cfg(target_pointer_width = "64")]
    pub fn new(mut number: u64) -> Self {
        let (mut digits, mut start) = ([b'0'; 20], 20);
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            start -= 1;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    /// The digits of `number`.
    #[cfg(not(target_pointer_width = "64"))]
    pub fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        // By subtraction: 64-bit division is a large function on 32-bit processors.
        for (digit, power) in digits.iter_mut().zip(POWERS_OF_TEN) {
            while number >= power {
                number -= power;
                *digit += 1;
            }
        }
        let leading = digits.iter().take(19).take_while(|&&digit| digit == b'0').count();
        Self { digits, start: leading }
    }

    /// The digits, at least one.
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
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

/// The value of one hexadecimal digit, of either case.
pub const fn hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

/// Whether every percent sign in `octets` begins a pct-encoded octet.
///
/// ```abnf
/// pct-encoded = "%" HEXDIG HEXDIG                       ; RFC 3986 §2.1
/// ```
pub fn is_pct_encoded(octets: &[u8]) -> bool {
    let is_digit = |octet: &u8| octet.is_ascii_hexdigit();
    !octets.contains(&b'%')
        || octets
            .split(|&octet| octet == b'%')
            .skip(1)
            .all(|after| matches!(after, [a, b, ..] if is_digit(a) && is_digit(b)))
}

/// `octets` without optional whitespace at its ends.
pub fn trim_ows(octets: &[u8]) -> &[u8] {
    trim_ows_end(trim_ows_start(octets))
}

/// `octets` without optional whitespace at its start.
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
    fn ows_is_trimmed_at_both_ends_only() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b" \t "), b"");
    }
}
