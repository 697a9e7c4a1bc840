//! The request that a local redirect stands for.

use crate::bytes::cursor::{Cursor, Full};
use crate::grammar::target::PathAndQuery;
use crate::message::Head;

/// How many local redirects may follow one another.
pub const MAX_REDIRECTS: usize = 8;

/// The octets of a buffer that has room for what [`redirect`] writes.
pub fn redirect_room(head: &Head<'_>, target: &str) -> usize {
    // The authority may stand in the request-target.
    const LINES: usize = 64;
    head.as_bytes().len().saturating_add(target.len()).saturating_add(LINES)
}

/// Writes the head of the request for `target` that a script's local redirect stands for
/// (RFC 3875 §6.2.2), when the request of `head` has led to it: a GET without content, with all fields that
/// say nothing about the content that was sent. Returns the head.
///
/// # Errors
/// `buffer` is too small: see [`redirect_room`].
pub fn redirect<'b>(
    head: &Head<'_>,
    target: PathAndQuery<'_>,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Full> {
    let mut out = Cursor::new(buffer);
    let authority = head.authority();
    out.push(b"GET ");
    out.push(target.as_str().as_bytes());
    // HTTP/1.1 is not without Host.
    out.push(if authority.is_some() { b" HTTP/1.1\r\n" } else { b" HTTP/1.0\r\n" });
    if let Some(authority) = authority {
        out.push(b"Host: ");
        out.push(authority.as_str().as_bytes());
        out.push(b"\r\n");
    }
    for field in head.fields().iter().filter(|field| is_kept(field.name)) {
        out.push(field.name.as_bytes());
        out.push(b": ");
        out.push(field.value);
        out.push(b"\r\n");
    }
    out.push(b"\r\n");
    let length = out.written()?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Whether a field says nothing about the content of its request, nor what is said anew.
fn is_kept(name: &str) -> bool {
    let is_of_content = name.get(..8).is_some_and(|it| it.eq_ignore_ascii_case("Content-"));
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    !is_of_content && !["Expect", "Host", "TE", "Trailer", "Transfer-Encoding"].iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::target::path_and_query;

    #[test]
    fn a_redirect_is_a_request_without_content() {
        for (sent, expected) in [
            (
                "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\ncontent-type: b/c\r\n\
                 Cookie: d=e\r\nExpect: 100-continue\r\n\r\n",
                "GET /b?c HTTP/1.1\r\nHost: a\r\nCookie: d=e\r\n\r\n",
            ),
            (
                "PUT http://b:1/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                "GET /b?c HTTP/1.1\r\nHost: b:1\r\n\r\n",
            ),
            ("GET / HTTP/1.0\r\nX-A: b\r\n\r\n", "GET /b?c HTTP/1.0\r\nX-A: b\r\n\r\n"),
        ] {
            let head = Head::parse(sent.as_bytes()).unwrap();
            let target = path_and_query(b"/b?c").unwrap();
            let mut buffer = [0; 256];
            let room = redirect_room(&head, target.as_str());
            let made = redirect(&head, target, &mut buffer[..room]).unwrap();
            assert_eq!(str::from_utf8(made), Ok(expected));
            assert!(Head::parse(made).is_ok());
            assert_eq!(redirect(&head, target, &mut [0; 20]), Err(Full));
        }
    }
}
