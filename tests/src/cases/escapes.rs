//! The escapes in the octets of the case tables.
//!
//! | escape | stands for |
//! |---|---|
//! | `\r` `\n` `\t` `\0` `\\` | CR, LF, HTAB, NUL, a backslash |
//! | `\xHH` | the octet of two hexadecimal digits |
//! | `\{N*TEXT}` | TEXT, N times; it may hold escapes |
//! | `\{etag PATH}` | the entity tag of what is at PATH, its quotes included |
//! | `\{etag PATH CODING}` | the entity tag of that in a content coding |
//!
//! Everything else stands for itself in UTF-8, except newlines: they are for the eye only.

/// What a repetition may stand for at most, in octets.
const MOST: usize = 16 * 1024 * 1024;

/// Gives the entity tag of what is at a path in a coding, which is `identity` if none is said.
pub type EntityTags<'t> = dyn FnMut(&str, &str) -> String + 't;

/// The octets that `text` stands for, with entity tags as `tags` gives them.
///
/// # Errors
/// What is wrong with an escape.
pub fn expand(text: &str, tags: &mut EntityTags<'_>) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    expand_into(&mut octets, text, tags, 0)?;
    Ok(octets)
}

/// Expands up to the end, or at a `depth` other than 0 up to a closing brace. Returns what is left,
/// that brace included.
fn expand_into<'t>(
    octets: &mut Vec<u8>,
    text: &'t str,
    tags: &mut EntityTags<'_>,
    depth: usize,
) -> Result<&'t str, String> {
    let mut rest = text;
    loop {
        let plain_end = rest.find(['\\', '}', '\n', '\r']).unwrap_or(rest.len());
        let (plain, after) = rest.split_at(plain_end);
        octets.extend_from_slice(plain.as_bytes());
        let mut after = after.chars();
        match after.next() {
            None if depth == 0 => return Ok(""),
            None => return Err("a repetition has no end".to_owned()),
            Some('}') if depth > 0 => return Ok(rest.get(plain_end..).unwrap_or_default()),
            Some('}') => octets.push(b'}'),
            Some('\n' | '\r') => {}
            _ => {
                rest = expand_escape(octets, after.as_str(), tags, depth)?;
                continue;
            }
        }
        rest = after.as_str();
    }
}

/// Expands one escape, after its backslash. Returns what is left.
fn expand_escape<'t>(
    octets: &mut Vec<u8>,
    text: &'t str,
    tags: &mut EntityTags<'_>,
    depth: usize,
) -> Result<&'t str, String> {
    let mut after = text.chars();
    let octet = match after.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('x') => {
            let digits = after.as_str().get(..2).unwrap_or_default();
            after = after.as_str().get(2..).unwrap_or_default().chars();
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let octet = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
            octet.ok_or_else(|| format!("\\x{digits} is no octet"))?
        }
        Some('{') if after.as_str().starts_with("etag ") => {
            let (words, rest) = after.as_str().split_once('}').ok_or("an entity tag has no end")?;
            let words: Vec<&str> = words.split(' ').collect();
            let tag = match words.as_slice() {
                ["etag", path] if path.starts_with('/') => tags(path, "identity"),
                ["etag", path, coding] if path.starts_with('/') => tags(path, coding),
                _ => return Err(format!("{words:?} names no entity tag")),
            };
            octets.extend_from_slice(tag.as_bytes());
            return Ok(rest);
        }
        Some('{') => {
            let (count, repeated) =
                after.as_str().split_once('*').ok_or("a repetition needs an asterisk")?;
            let count = count.parse::<usize>().map_err(|_| format!("{count} is no number"))?;
            let mut once = Vec::new();
            let rest = expand_into(&mut once, repeated, tags, depth.saturating_add(1))?;
            if once.len().checked_mul(count).is_none_or(|length| length > MOST) {
                return Err("a repetition is too long".to_owned());
            }
            octets.extend(once.repeat(count));
            return Ok(rest.strip_prefix('}').unwrap_or(rest));
        }
        other => return Err(format!("{other:?} after a backslash means nothing")),
    };
    octets.push(octet);
    Ok(after.as_str())
}

#[cfg(test)]
mod tests {
    fn expand(text: &str) -> Result<Vec<u8>, String> {
        super::expand(text, &mut |path, coding| format!("<{path} {coding}>"))
    }

    #[test]
    fn escapes_stand_for_octets() {
        for (text, octets) in [
            ("", &b""[..]),
            ("a\nb\r\nc", b"abc"),
            (r"\r\n\t\0\\", b"\r\n\t\0\\"),
            (r"\x00\xfF\x411", b"\0\xffA1"),
            ("ä", b"\xc3\xa4"),
            (r"\{3*ab}c", b"abababc"),
            (r"\{0*ab}c", b"c"),
            (r"\{2*\x41\{2*\r}*}", b"A\r\r*A\r\r*"),
            ("\\{2*a\nb}", b"abab"),
            (r"\{2*\x7D}}", b"}}}"),
            ("{ a }", b"{ a }"),
            (r"W/\{etag /a}, b", b"W/</a identity>, b"),
            (r"\{etag /a%20b/ gzip}\{2*\{etag /}}", b"</a%20b/ gzip></ identity></ identity>"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(octets), "{text}");
        }
    }

    #[test]
    fn other_escapes_are_faults() {
        for text in [
            r"\",
            r"\q",
            r"\x",
            r"\x4",
            r"\xg0",
            r"\x+1",
            r"\xä",
            r"\{3ab}",
            r"\{*ab}",
            r"\{-1*ab}",
            r"\{2*ab",
            r"\{2*\{2*ab}",
            r"\{9999999999*ab}",
            r"\{5000*\{5000*a}}",
            r"\{etag /a",
            r"\{etag a}",
            r"\{etag }",
            r"\{etag /a b c}",
        ] {
            assert!(expand(text).is_err(), "{text}");
        }
    }
}
