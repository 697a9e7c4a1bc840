//! Sizes as people write them.

/// Octets from `1048576`, `1024k` or `1M`: a unit is 1024 of the one before, in either case, and may
/// be written `KB` or `KiB` as well.
pub(super) fn octets(text: &str) -> Result<usize, &'static str> {
    const HOW: &str = "write it like 65536, 64k or 1M";
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or(HOW)?;
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let shift = match unit {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err(HOW),
    };
    if number.is_empty() {
        return Err(HOW);
    }
    let octets = number.parse().ok().and_then(|number: usize| number.checked_mul(1 << shift));
    octets.ok_or("give a smaller size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_that_people_write() {
        for (text, expected) in [
            ("0", Some(0)),
            ("65536", Some(65536)),
            ("64k", Some(65536)),
            ("64K", Some(65536)),
            ("64KiB", Some(65536)),
            ("64kb", Some(65536)),
            ("1M", Some(1 << 20)),
            ("1g", Some(1 << 30)),
            ("7b", Some(7)),
            ("", None),
            ("k", None),
            ("-1", None),
            ("+1", None),
            ("1.5M", None),
            ("1 M", None),
            ("1T", None),
            ("1ki", None),
            ("1\u{e4}", None),
            ("99999999999999999999", None),
            ("99999999999999999999G", None),
        ] {
            assert_eq!(octets(text).ok(), expected, "{text:?}");
        }
    }
}
