//! Where the links of a page lead.

/// The targets of all links (`<a href="…">`) of `page`, in their order, as relative paths: character
/// references and percent-encodings decoded, without `./` at the start.
///
/// # Errors
/// A link that leads elsewhere than to a path relative to the page, or can't be read with certainty.
pub fn links(page: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let page = std::str::from_utf8(page).map_err(|_| "the page is not UTF-8")?;
    let mut links = Vec::new();
    for tag in page.split("<a ").skip(1) {
        let (tag, _) = tag.split_once('>').ok_or("a tag has no end")?;
        let (_, href) = tag.split_once("href=\"").ok_or_else(|| format!("no link: {tag}"))?;
        let (href, _) = href.split_once('"').ok_or("a link has no end")?;
        links.push(target(&unescape(href)?)?);
    }
    Ok(links)
}

/// The path that a reference leads to, decoded.
fn target(reference: &str) -> Result<Vec<u8>, String> {
    let (first, _) = reference.split_once('/').unwrap_or((reference, ""));
    // Only what RFC 3986 §3.3 has in a path: browsers repair the rest, each in its own way.
    let in_path = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%/".contains(c);
    if reference.is_empty() || first.is_empty() || !reference.chars().all(in_path) {
        return Err(format!("no relative path: {reference}"));
    }
    if first.contains(':') {
        return Err(format!("a scheme: {reference}"));
    }
    let mut decoded = Vec::new();
    let mut rest = reference.as_bytes();
    while let [octet, after @ ..] = rest {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        decoded.push(match (octet, digits) {
            (b'%', Some(digits)) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                rest = after.get(2..).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or_default()
            }
            (b'%', _) => return Err(format!("no percent-encoding: {reference}")),
            (octet, _) => *octet,
        });
    }
    Ok(decoded.strip_prefix(b"./").map_or(decoded.clone(), <[u8]>::to_vec))
}

/// Decodes the character references of an attribute.
fn unescape(text: &str) -> Result<String, String> {
    let mut pieces = text.split('&');
    let mut decoded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';').ok_or_else(|| format!("a bare &: {text}"))?;
        let number = match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => name.strip_prefix('#').and_then(|digits| digits.parse().ok()),
        };
        decoded.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => number.and_then(char::from_u32).ok_or_else(|| format!("a bare &: {text}"))?,
        });
        decoded.push_str(rest);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        let page = r#"<p><a href="../">up</a> <a class=b href="./a%3ab">a</a>
            <a href="%FF&amp;&#39;/">b</a>"#;
        let expected = [b"../".to_vec(), b"a:b".to_vec(), b"\xff&'/".to_vec()];
        assert_eq!(links(page.as_bytes()), Ok(expected.into()));
        assert_eq!(links(b"<p>none"), Ok(Vec::new()));
    }

    #[test]
    fn what_leads_elsewhere_is_a_fault() {
        for href in [
            "",
            "/a",
            "//a",
            "a?b",
            "a#b",
            "a:b",
            "http://a/",
            "a b",
            "a%2",
            "a%zz",
            "a&b",
            "ä",
            "a\\b",
        ] {
            assert!(links(format!("<a href=\"{href}\">").as_bytes()).is_err(), "{href}");
        }
        assert!(links(b"<a href=b>").is_err());
        assert!(links(b"<a href=\"\xff\">").is_err());
    }
}
