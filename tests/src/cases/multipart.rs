//! Contents of several parts (RFC 9110 §14.6, RFC 2046 §5.1).

/// A part of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its field lines.
    pub head: Vec<String>,
    /// Its content.
    pub content: Vec<u8>,
}

/// The boundary that a Content-Type of the type multipart/byteranges says.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (media_type, parameter) = content_type.split_once(';')?;
    let (name, value) = parameter.trim_start_matches(' ').split_once('=')?;
    let is_multipart = media_type.eq_ignore_ascii_case("multipart/byteranges");
    let value = match value.strip_prefix('"') {
        Some(value) => value.strip_suffix('"')?,
        // A token: the other characters of boundaries have to be quoted (RFC 9110 §5.6.6).
        None => Some(value).filter(|value| !value.contains(['(', ')', ',', '/', ':', '=', '?']))?,
    };
    (is_multipart && name.eq_ignore_ascii_case("boundary") && is_boundary(value)).then_some(value)
}

/// ```abnf
/// boundary := 0*69<bchars> bcharsnospace                        ; RFC 2046 §5.1.1
/// ```
fn is_boundary(value: &str) -> bool {
    let is_bchar = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    (1..=70).contains(&value.len()) && value.chars().all(is_bchar) && !value.ends_with(' ')
}

/// The parts of `content`, with no octet before, between or after them that need not be there but
/// the line ends at its start and end.
///
/// # Errors
/// What is wrong with it.
pub fn parts(boundary: &str, content: &[u8]) -> Result<Vec<Part>, String> {
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = delimiter.as_bytes();
    // The delimiter begins with a line end, which the first one may lack.
    let framed = [b"\r\n".as_slice(), content.strip_prefix(b"\r\n").unwrap_or(content)].concat();
    let mut rest = framed.strip_prefix(delimiter).ok_or("no delimiter at the start")?;
    let mut parts = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return match (end, parts.is_empty()) {
                (_, true) => Err("no part".to_owned()),
                (b"" | b"\r\n", false) => Ok(parts),
                _ => Err("something follows the last delimiter".to_owned()),
            };
        }
        let after = rest.strip_prefix(b"\r\n").ok_or("a delimiter has no line end")?;
        let end = after.windows(delimiter.len()).position(|window| window == delimiter);
        let (part, next) = after.split_at(end.ok_or("a part has no end")?);
        parts.push(Part::read(part)?);
        rest = next.strip_prefix(delimiter).unwrap_or_default();
    }
}

impl Part {
    fn read(part: &[u8]) -> Result<Self, String> {
        let end = part.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, content) = part.split_at(end.ok_or("a part has no end of a head")?);
        let head = std::str::from_utf8(head).map_err(|_| "a head of a part that is not UTF-8")?;
        let head: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
        if head.iter().any(|line| !line.contains(": ") || line.contains(['\r', '\n', '\0'])) {
            return Err(format!("no field lines: {head:?}"));
        }
        Ok(Self { head, content: content.strip_prefix(b"\r\n\r\n").unwrap_or_default().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "--x\r\nA: b\r\nC: d\r\n\r\none\r\n\r\n--x\r\nA: e\r\n\r\n\r\n--x--\r\n";

    #[test]
    fn parts_are_read() {
        let expected = [
            Part { head: vec!["A: b".into(), "C: d".into()], content: b"one\r\n".into() },
            Part { head: vec!["A: e".into()], content: Vec::new() },
        ];
        let without_last_line_end = TWO.strip_suffix("\r\n").unwrap_or_default();
        for content in [TWO, &format!("\r\n{TWO}"), without_last_line_end] {
            assert_eq!(parts("x", content.as_bytes()), Ok(expected.clone().into()), "{content}");
        }
    }

    #[test]
    fn what_is_no_multipart_is_not_read() {
        for (from, to) in [
            ("--x\r\nA: b", "a--x\r\nA: b"),
            ("--x\r\nA: b", "-x\r\nA: b"),
            ("--x\r\nA: b", "--x \r\nA: b"),
            ("--x\r\nA: b", "--x\nA: b"),
            ("A: b", "A:b"),
            ("C: d\r\n\r\n", "C: d\r\n"),
            ("--x--", "--x"),
            ("--x--", "-x--"),
            ("--x--\r\n", "--x--\r\n\r\n"),
        ] {
            let content = TWO.replacen(from, to, 1);
            let read = parts("x", content.as_bytes());
            assert_ne!(read, parts("x", TWO.as_bytes()), "{content}");
            assert!(read.is_err() || from == "C: d\r\n\r\n", "{content}: {read:?}");
        }
        assert!(parts("x", b"--x--\r\n").is_err());
        assert!(parts("x", b"").is_err());
    }

    #[test]
    fn boundaries() {
        for (content_type, found) in [
            ("multipart/byteranges; boundary=a-b_1", Some("a-b_1")),
            ("Multipart/ByteRanges;Boundary=\"a b:\"", Some("a b:")),
            ("multipart/byteranges; boundary=a:b", None),
            ("multipart/byteranges; boundary=\"a", None),
            ("multipart/byteranges; boundary=\"a \"", None),
            ("multipart/byteranges; boundary=", None),
            ("multipart/byteranges; boundaries=a", None),
            ("multipart/byteranges", None),
            ("multipart/mixed; boundary=a", None),
        ] {
            assert_eq!(boundary(content_type), found, "{content_type}");
        }
        let longest = format!("multipart/byteranges; boundary={}", "a".repeat(70));
        assert!(boundary(&longest).is_some() && boundary(&format!("{longest}a")).is_none());
    }
}
