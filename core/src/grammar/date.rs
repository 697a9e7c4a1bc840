//! Dates (RFC 9110 §5.6.7).

use crate::bytes::ascii::{parse_decimal, trim_ows};

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

/// Days in 400 years.
const FOUR_CENTURIES: u32 = 146_097;
/// The last second of the year 9999: IMF-fixdate has no room for later ones.
const LAST: u64 = 253_402_300_799;

const DAYS: &[u8] = b"ThuFriSatSunMonTueWed";
/// What follows the short name of each of those in its long name.
const DAYS_LONG: [&[u8]; 7] = [b"rsday", b"day", b"urday", b"day", b"day", b"sday", b"nesday"];
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// ```abnf
/// IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT
///             ; e.g., Sun, 06 Nov 1994 08:49:37 GMT
/// ```
/// Times after the year 9999 are written as its last second.
pub fn imf_fixdate(time: UnixTime) -> [u8; 29] {
    let seconds = time.0.min(LAST);
    let days = days_of(time);
    let second = u32::try_from(seconds - u64::from(days) * 86_400).unwrap_or_default();
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // 1970-01-01 was a Thursday.
    put(&mut text, 0, name(DAYS, days % 7));
    put(&mut text, 5, two_digits(day));
    put(&mut text, 8, name(MONTHS, month - 1));
    put(&mut text, 12, two_digits(year / 100));
    put(&mut text, 14, two_digits(year % 100));
    put(&mut text, 17, two_digits(second / 3600));
    put(&mut text, 20, two_digits(second / 60 % 60));
    put(&mut text, 23, two_digits(second % 60));
    text
}

/// A time in UTC as `1994-11-06 08:49`, which sorts and reads well (ISO 8601, but for the space).
pub fn iso_minutes(time: UnixTime) -> [u8; 16] {
    let days = days_of(time);
    let second = u32::try_from(time.0.min(LAST) - u64::from(days) * 86_400).unwrap_or_default();
    let (year, month, day) = civil(days);
    let mut text = *b"1970-01-01 00:00";
    put(&mut text, 0, two_digits(year / 100));
    put(&mut text, 2, two_digits(year % 100));
    put(&mut text, 5, two_digits(month));
    put(&mut text, 8, two_digits(day));
    put(&mut text, 11, two_digits(second / 3600));
    put(&mut text, 14, two_digits(second / 60 % 60));
    text
}

/// Year, month (from 1) and day of month (from 1) in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year: then the day of the
/// year gives the month by one division, since the months from March on have 153 days in five.
const fn civil(days: u32) -> (u32, u32, u32) {
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

/// The date and time of day that a date says.
#[derive(Default)]
struct Civil {
    year: u32,
    has_century: bool,
    month: u32,
    day: u32,
    second: u64,
}

/// The time that `value` says, in any of the three forms that a server has to read. `now` places the
/// year of the second one.
///
/// ```abnf
/// HTTP-date    = IMF-fixdate / obs-date                  ; RFC 9110 §5.6.7
/// obs-date     = rfc850-date / asctime-date
/// rfc850-date  = day-name-l "," SP date2 SP time-of-day SP GMT
///              ; e.g., Sunday, 06-Nov-94 08:49:37 GMT
/// asctime-date = day-name SP date3 SP time-of-day SP year
///              ; e.g., Sun Nov  6 08:49:37 1994
/// ```
/// Whether the day of the week is that of the date is not checked. Times before 1970 are read as its
/// first second.
pub fn http_date(value: &[u8], now: Option<UnixTime>) -> Option<UnixTime> {
    const FORMS: [&[u8]; 3] = [b"w, D m Y t GMT", b"W, D-m-y t GMT", b"w m d t Y"];
    let value = trim_ows(value);
    let mut civil = FORMS.iter().find_map(|form| read(form, value))?;
    if !civil.has_century {
        // A date more than 50 years ahead is the latest one in the past with these digits.
        let (this_year, ..) = now.map_or((2000, 1, 1), |now| self::civil(days_of(now)));
        civil.year += this_year / 100 * 100;
        if civil.year > this_year + 50 {
            civil.year -= 100;
        } else if civil.year + 50 <= this_year {
            civil.year += 100;
        }
    }
    let Civil { year, month, day, second, .. } = civil;
    let days = days_before_era(year, month, day).checked_sub(719_468 + FOUR_CENTURIES);
    Some(UnixTime(days.map_or(0, |days| u64::from(days) * 86_400 + second)))
}

/// Reads `value` by a form, of which letters stand for the parts of a date, and all else for itself.
fn read(form: &[u8], mut value: &[u8]) -> Option<Civil> {
    let mut civil = Civil::default();
    for part in form {
        match part {
            b'w' => drop(index(DAYS, take(&mut value, 3)?)?),
            b'W' => {
                let day = index(DAYS, take(&mut value, 3)?)?;
                value = value.strip_prefix(*DAYS_LONG.get(day)?)?;
            }
            b'D' => civil.day = digits(take(&mut value, 2)?)?,
            b'd' => {
                let day = take(&mut value, 2)?;
                civil.day = digits(day.strip_prefix(b" ").unwrap_or(day))?;
            }
            b'm' => civil.month = u32::try_from(index(MONTHS, take(&mut value, 3)?)?).ok()? + 1,
            b'y' => civil.year = digits(take(&mut value, 2)?)?,
            b'Y' => {
                civil.year = digits(take(&mut value, 4)?)?;
                civil.has_century = true;
            }
            b't' => {
                let [h1, h2, b':', m1, m2, b':', s1, s2] = *take(&mut value, 8)? else {
                    return None;
                };
                let part = |octets: [u8; 2], most| digits(&octets).filter(|&part| part <= most);
                let hours = part([h1, h2], 23)?;
                let minutes = part([m1, m2], 59)?;
                // 60 is a leap second.
                civil.second = u64::from((hours * 60 + minutes) * 60 + part([s1, s2], 60)?);
            }
            literal => value = value.strip_prefix(&[*literal])?,
        }
    }
    let is_leap = civil.year % 4 == 0 && (civil.year % 100 != 0 || civil.year % 400 == 0);
    let last = match civil.month {
        // The century that is missing from a year makes it a leap year, or not.
        2 if is_leap || !civil.has_century => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (value.is_empty() && (1..=last).contains(&civil.day)).then_some(civil)
}

fn take<'v>(value: &mut &'v [u8], count: usize) -> Option<&'v [u8]> {
    let (taken, rest) = value.split_at_checked(count)?;
    *value = rest;
    Some(taken)
}

fn digits(octets: &[u8]) -> Option<u32> {
    parse_decimal(octets).and_then(|number| u32::try_from(number).ok())
}

fn index(names: &[u8], name: &[u8]) -> Option<usize> {
    names.as_chunks::<3>().0.iter().position(|known| known == name)
}

/// Days since 1970-01-01.
fn days_of(time: UnixTime) -> u32 {
    // A day has 128 times 675 seconds: shifted, the number fits 32 bits, where division is cheap
    // on every processor.
    u32::try_from(time.0.min(LAST) >> 7).unwrap_or(u32::MAX) / 675
}

/// Days from March of four centuries before the year 0 to a date: [`civil`] the other way round.
const fn days_before_era(year: u32, month: u32, day: u32) -> u32 {
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
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
        assert_eq!(&iso_minutes(UnixTime(784_111_777)), b"1994-11-06 08:49");
    }

    #[test]
    fn three_forms_are_read() {
        let now = Some(UnixTime(1_800_000_000)); // 2027
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("\tSun Nov 06 08:49:37 1994 ", 784_111_777),
            ("Sat, 28 Feb 2004 23:59:59 GMT", 1_078_012_799),
            ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
            ("Tuesday, 29-Feb-00 00:00:00 GMT", 951_782_400),
            ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400),
            ("Friday, 31-Dec-77 00:00:00 GMT", 3_408_134_400),
            ("Sunday, 01-Jan-78 00:00:00 GMT", 252_460_800),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            ("Fri, 31 Dec 9999 23:59:59 GMT", LAST),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Sat, 01 Jan 0000 00:00:00 GMT", 0),
        ] {
            assert_eq!(http_date(text.as_bytes(), now), Some(UnixTime(seconds)), "{text}");
        }
        assert_eq!(http_date(b"Friday, 31-Dec-99 23:59:59 GMT", None), Some(UnixTime(946_684_799)));
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT, x",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Tue, 29 Feb 1900 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov   08:49:37 1994",
        ] {
            assert_eq!(http_date(text.as_bytes(), now), None, "{text}");
        }
    }

    #[test]
    fn what_is_emitted_is_read_again() {
        for seconds in (0..LAST).step_by(86_400 * 97 + 12_345) {
            let text = imf_fixdate(UnixTime(seconds));
            assert_eq!(http_date(&text, None), Some(UnixTime(seconds)));
        }
    }
}
