//! Dates (RFC 9110 §5.6.7).
//!
//! Written without combinators: the three forms are three texts, read by one loop. As nom's sequences
//! they would take more than twice the code.

use crate::bytes::ascii::trim_ows;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

/// Days in 400 years.
const FOUR_CENTURIES: u32 = 146_097;
/// Days to 1970-01-01 from where days are counted here: March of four centuries before the year 0, so
/// that none is negative.
const EPOCH: u32 = 719_468 + FOUR_CENTURIES;
/// The last second of the year 9999: IMF-fixdate has no room for later ones.
const LAST: u64 = 253_402_300_799;

/// The days of the week, from the one from which days are counted. A short name is the first three
/// letters.
const DAYS: [&[u8]; 7] =
    [b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday", b"Monday", b"Tuesday"];
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// ```abnf
/// IMF-fixdate = day-name "," SP date1 SP time-of-day SP GMT
///             ; e.g., Sun, 06 Nov 1994 08:49:37 GMT
/// ```
/// Times after the year 9999 are written as its last second.
pub fn imf_fixdate(time: UnixTime) -> [u8; 29] {
    let (days, second) = days_and_second(time);
    let (year, month, day) = civil(days);
    let mut text = [0; 29];
    put(&mut text, 0, b"Thu, 01 Jan 1970 00:00:00 GMT");
    let day_name = DAYS.get(days as usize % DAYS.len()).copied().unwrap_or_default();
    put(&mut text, 0, day_name.get(..3).unwrap_or_default());
    put_two(&mut text, 5, day);
    put(&mut text, 8, MONTHS.get(3 * month as usize - 3..3 * month as usize).unwrap_or_default());
    put_two(&mut text, 12, year / 100);
    put_two(&mut text, 14, year % 100);
    put_two(&mut text, 17, second / 3600);
    put_two(&mut text, 20, second / 60 % 60);
    put_two(&mut text, 23, second % 60);
    text
}

/// A time in UTC as `1994-11-06 08:49`, which sorts and reads well (ISO 8601, but for the space).
pub fn iso_minutes(time: UnixTime) -> [u8; 16] {
    let (days, second) = days_and_second(time);
    let (year, month, day) = civil(days);
    let mut text = [0; 16];
    put(&mut text, 0, b"1970-01-01 00:00");
    put_two(&mut text, 0, year / 100);
    put_two(&mut text, 2, year % 100);
    put_two(&mut text, 5, month);
    put_two(&mut text, 8, day);
    put_two(&mut text, 11, second / 3600);
    put_two(&mut text, 14, second / 60 % 60);
    text
}

/// Year, month (from 1) and day of month (from 1) in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year: then the day of the
/// year gives the month by one division, since the months from March on have 153 days in five.
const fn civil(days: u32) -> (u32, u32, u32) {
    let in_era = days % FOUR_CENTURIES;
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153; // 0 is March
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + days / FOUR_CENTURIES * 400 + month / 10 - 400;
    (year, if month < 10 { month + 3 } else { month - 9 }, day)
}

/// Days to a date: [`civil`] the other way round.
const fn days_to(year: u32, month: u32, day: u32) -> u32 {
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
}

/// Puts the two digits of a number below 100 where it says.
#[expect(clippy::cast_possible_truncation, reason = "both are digits")]
fn put_two(text: &mut [u8], at: usize, number: u32) {
    put(text, at, &[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

/// Puts octets where it says, by a loop: devices have no other use for `memcpy`, which is larger.
fn put(text: &mut [u8], at: usize, octets: &[u8]) {
    for (to, from) in text.iter_mut().skip(at).zip(octets) {
        *to = *from;
    }
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
    let value = trim_ows(value);
    let comma = value.iter().position(|&octet| octet == b',');
    let (day_name, rest) = value.split_at_checked(comma.unwrap_or(3))?;
    let is_short = day_name.len() == 3;
    let is_day = |name: &&[u8]| name.starts_with(day_name) && (is_short || *name == day_name);
    if !DAYS.iter().any(is_day) {
        return None;
    }
    let form: &[u8] = match comma {
        None => b" mmm ed hh:ii:ss yyyy",
        Some(3) => b", dd mmm yyyy hh:ii:ss GMT",
        Some(_) => b", dd-mmm-yy hh:ii:ss GMT",
    };
    let [mut year, month, day, hour, minute, second] = read(form, rest)?;
    let (months, _) = MONTHS.as_chunks();
    let is_month = |&[a, b, c]: &[u8; 3]| u32::from_be_bytes([0, a, b, c]) == month;
    let month = 1 + u32::try_from(months.iter().position(is_month)?).ok()?;
    if !is_short {
        // A date more than 50 years ahead is the latest one in the past with these digits.
        let (this_year, ..) = now.map_or((2000, 1, 1), |now| civil(days_and_second(now).0));
        year += this_year / 100 * 100;
        if year > this_year + 50 {
            year -= 100;
        } else if year + 50 <= this_year {
            year += 100;
        }
    }
    let days = days_to(year, month, day);
    // 60 is a leap second.
    if civil(days) != (year, month, day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let second = u64::from((hour * 60 + minute) * 60 + second);
    Some(UnixTime(days.checked_sub(EPOCH).map_or(0, |days| u64::from(days) * 86_400 + second)))
}

/// Reads `value` by a form of the same length, in which small letters stand for digits of the number
/// that they hint at: year, month, day, hour, minute, second. The month is three letters; the first
/// digit of a day may be a space where there is an `e`. All else stands for itself.
fn read(form: &[u8], value: &[u8]) -> Option<[u32; 6]> {
    let mut numbers = [0; 6];
    for (form, octet) in form.iter().zip(value) {
        let hint = if *form == b'e' { b'd' } else { *form };
        let hinted = b"ymdhis".iter().zip(&mut numbers).find(|(letter, _)| **letter == hint);
        match (hinted, form, octet) {
            (None, literal, octet) if literal == octet => {}
            (Some((_, number)), b'm', letter) => *number = *number << 8 | u32::from(*letter),
            (Some((_, number)), _, digit @ b'0'..=b'9') => {
                *number = *number * 10 + u32::from(digit - b'0');
            }
            (Some(_), b'e', b' ') => {}
            _ => return None,
        }
    }
    (form.len() == value.len()).then_some(numbers)
}

/// Days, and the second of the last one.
fn days_and_second(time: UnixTime) -> (u32, u32) {
    let seconds = time.0.min(LAST);
    // A day has 128 times 675 seconds: shifted, the number fits 32 bits, where division is cheap
    // on every processor.
    let days = u32::try_from(seconds >> 7).unwrap_or(u32::MAX) / 675;
    let second = u32::try_from(seconds - u64::from(days) * 86_400).unwrap_or_default();
    (EPOCH + days, second)
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
