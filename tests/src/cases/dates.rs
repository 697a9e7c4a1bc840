//! Dates in replies.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Year, month, day and time of day of an IMF-fixdate (RFC 9110 §5.6.7), to be compared.
pub fn order(value: &str) -> Option<(&str, usize, &str, &str)> {
    let (_, date) = value.split_once(", ").filter(|(day, _)| day.len() == 3)?;
    let date = date.strip_suffix(" GMT").filter(|_| value.len() == 29 && value.is_ascii())?;
    let (day, month, year, time) =
        (date.get(..2)?, date.get(3..6)?, date.get(7..11)?, date.get(12..)?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit() || octet == b':');
    (digits(day) && digits(year) && digits(time)).then_some((year, month, day, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_compared() {
        let dates = [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:38 GMT",
            "Wed, 07 Dec 1994 08:49:36 GMT",
            "Sat, 01 Jan 2000 00:00:00 GMT",
        ];
        assert!(dates.map(order).is_sorted_by(|a, b| a.is_some() && a < b));
    }

    #[test]
    fn other_forms_are_no_dates() {
        for value in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:aa GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(order(value), None, "{value}");
        }
    }
}
