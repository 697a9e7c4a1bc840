//! Whether a request comes from the site that it is for.

use crate::message::Head;

/// Whether a browser says that a page of another origin made the request. Such a page may post a form
/// with files without asking first (Fetch, §4.8), in the name of whoever looks at it.
///
/// Sec-Fetch-Site decides, where there is one (Fetch Metadata, §2.4), and otherwise Origin
/// (RFC 6454 §7): it has to name the host and port that the request is for. A proxy may have taken TLS
/// off, so the scheme doesn't count. A request with neither comes from no page: other programs send
/// none of them, and browsers always send one with a POST.
pub fn is_cross_origin(head: &Head<'_>) -> bool {
    let fields = head.fields();
    if let Some(site) = fields.first("Sec-Fetch-Site") {
        return !matches!(site, b"same-origin" | b"none");
    }
    let Some(origin) = fields.first("Origin") else { return false };
    let own = head.authority().map(|authority| authority.as_str().as_bytes());
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let host = schemes.iter().find_map(|scheme| origin.strip_prefix(*scheme));
    !host.zip(own).is_some_and(|(host, own)| host.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_is_not_another() {
        for (lines, expected) in [
            ("", false),
            ("Origin: http://a:8000\r\n", false),
            ("Origin: https://A:8000\r\n", false),
            ("Origin: http://a\r\n", true),
            ("Origin: http://a:80\r\n", true),
            ("Origin: http://b:8000\r\n", true),
            ("Origin: http://a:8000.b\r\n", true),
            ("Origin: http://b@a:8000\r\n", true),
            ("Origin: ftp://a:8000\r\n", true),
            ("Origin: null\r\n", true),
            ("Origin: \r\n", true),
            ("Sec-Fetch-Site: same-origin\r\n", false),
            ("Sec-Fetch-Site: none\r\n", false),
            ("Sec-Fetch-Site: same-site\r\n", true),
            ("Sec-Fetch-Site: cross-site\r\n", true),
            ("Sec-Fetch-Site: other\r\n", true),
            // As behind a proxy that asks for the server by another name.
            ("Origin: https://b\r\nSec-Fetch-Site: same-origin\r\n", false),
            ("Origin: http://a:8000\r\nSec-Fetch-Site: cross-site\r\n", true),
        ] {
            let head = std::format!("POST / HTTP/1.1\r\nHost: a:8000\r\n{lines}\r\n");
            let head = Head::parse(head.as_bytes()).unwrap();
            assert_eq!(is_cross_origin(&head), expected, "{lines}");
        }
        let absolute = b"POST http://a/ HTTP/1.1\r\nHost: b\r\nOrigin: http://a\r\n\r\n";
        assert!(!is_cross_origin(&Head::parse(absolute).unwrap()));
        let without_host = b"POST / HTTP/1.0\r\nOrigin: http://a\r\n\r\n";
        assert!(is_cross_origin(&Head::parse(without_host).unwrap()));
    }
}
