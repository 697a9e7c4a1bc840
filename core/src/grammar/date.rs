//! Dates (RFC 9110 §5.6.7).

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

/// The last second of the year 9999: IMF-fixdate has no room for later ones.
const LAST: u64 = 253_402_300_799;

/// ```abnf
/// IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT
///             ; e.g., Sun, 06 Nov 1994 08:49:37 GMT
/// ```
/// Times after the year 9999 are written as its last second.
pub fn imf_fixdate(time: UnixTime) -> [u8; 29] {
    let seconds = time.0.min(LAST);
    // A day has 128 times 675 seconds: shifted, the number fits 32 bits, where division is cheap
    // on every processor.
    let days = u32::try_from(seconds >> 7).unwrap_or(u32::MAX) / 675;
    let second = u32::try_from(seconds - u64::from(days) * 86_400).unwrap_or_default();
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // 1970-01-01 was a Thursday.
    put(&mut text, 0, name(b"ThuFriSatSunMonTueWed", days % 7));
    put(&mut text, 5, two_digits(day));
    put(&mut text, 8, name(b"JanFebMarAprMayJunJulAugSepOctNovDec", month - 1));
    put(&mut text, 12, two_digits(year / 100));
    put(&mut text, 14, two_digits(year % 100));
    put(&mut text, 17, two_digits(second / 3600));
    put(&mut text, 20, two_digits(second / 60 % 60));
    put(&mut text, 23, two_digits(second % 60));
    text
}

/// Year, month (from 1) and day of month (from 1) in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year: then the day of the
/// year gives the month by one division, since the months from March on have 153 days in five.
const fn civil(days: u32) -> (u32, u32, u32) {
    const FOUR_CENTURIES: u32 = 146_097;
    let shifted = days + 719_468; // from 0000-03-01
    let in_era = shifted % FOUR_CENTURIES;
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153; // 0 is March
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + shifted / FOUR_CENTURIES * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

fn name(names: &[u8], index: u32) -> [u8; 3] {
    let (names, _) = names.as_chunks();
    names.iter().zip(0..).find(|(_, i)| *i == index).map_or([b' '; 3], |(name, _)| *name)
}

const fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

fn put<const N: usize>(text: &mut [u8], at: usize, octets: [u8; N]) {
    for (to, from) in text.iter_mut().skip(at).zip(octets) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_078_012_799, "Sat, 28 Feb 2004 23:59:59 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let emitted = imf_fixdate(UnixTime(seconds));
            assert_eq!(core::str::from_utf8(&emitted), Ok(text));
        }
    }
}
