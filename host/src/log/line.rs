//! Lines of the log.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use thimble_core::grammar::date::{UnixTime, imf_fixdate};
use thimble_core::server::Record;

/// Octets of a request-line that are logged. A longer one is cut there, and `...` follows.
const LONGEST: usize = 200;

/// A client, as lines call it: by its address, or `unix:` if it came over a Unix socket and has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(Option<IpAddr>);

impl Client {
    pub(crate) fn of(peer: Option<SocketAddr>) -> Self {
        Self(peer.map(|peer| peer.ip().to_canonical()))
    }
}

impl fmt::Display for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(out),
            None => out.write_str("unix:"),
        }
    }
}

/// The Common Log Format: `host ident authuser [date] "request-line" status octets`.
///
/// There is never an ident or authuser, and `-` stands for no request-line and for no content.
pub(super) fn access(out: &mut Vec<u8>, client: Client, time: UnixTime, record: &Record<'_>) {
    request(out, client, time, record);
    // Writing to memory doesn't fail.
    let _ = write!(out, " {} ", record.status.code());
    if record.content == 0 {
        out.extend_from_slice(b"-\n");
    } else {
        let _ = writeln!(out, "{}", record.content);
    }
}

/// What went wrong in the application: the line of [`access`] up to its status, then `failed:` and the
/// message.
pub(super) fn failure(
    out: &mut Vec<u8>,
    client: Client,
    time: UnixTime,
    record: &Record<'_>,
    message: &str,
) {
    request(out, client, time, record);
    let _ = write!(out, " {} failed: ", record.status.code());
    escape(out, message.as_bytes(), b"");
    out.push(b'\n');
}

/// `host ident authuser [date] "request-line"`
fn request(out: &mut Vec<u8>, client: Client, time: UnixTime, record: &Record<'_>) {
    let _ = write!(out, "{client} - - [");
    date(out, time);
    out.extend_from_slice(b"] \"");
    let line = record.request_line();
    if line.is_empty() {
        out.push(b'-');
    } else {
        let line = &*without_userinfo(line);
        // A client could fill a disk otherwise.
        let (shown, is_cut) =
            line.get(..LONGEST).map_or((line, false), |start| (start, line.len() > LONGEST));
        escape(out, shown, b"\"\\");
        if is_cut {
            out.extend_from_slice(b"...");
        }
    }
    out.push(b'"');
}

/// Fields whose values let others in.
const SECRET: &[&[u8]] = &[b"Authorization", b"Cookie", b"Proxy-Authorization", b"Set-Cookie"];

/// The lines of a head, each after `mark` and `arrow`. Secrets show as `***`.
pub(super) fn head(out: &mut Vec<u8>, mark: &str, arrow: &str, head: &[u8]) {
    let head = head.strip_suffix(b"\r\n\r\n").unwrap_or(head);
    let mut is_secret = false;
    for line in head.split(|octet| *octet == b'\n') {
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(arrow.as_bytes());
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let name = line.iter().position(|octet| *octet == b':').and_then(|at| line.get(..at));
        // A line that begins with a space goes on with the one before it (RFC 9112 §5.2).
        let goes_on = matches!(line, [b' ' | b'\t', ..]);
        let is = |name: &[u8]| SECRET.iter().any(|it| it.eq_ignore_ascii_case(name.trim_ascii()));
        is_secret = (goes_on && is_secret) || name.is_some_and(is);
        if is_secret {
            let shown = name.filter(|name| is(name)).unwrap_or_default();
            escape(out, shown, b"\\");
            out.extend_from_slice(if shown.is_empty() { b" ***" } else { b": ***" });
        } else {
            escape(out, &without_userinfo(line), b"\\");
        }
        out.push(b'\n');
    }
}

/// A line in which `***` stands for what comes before the host in a URI, which may be a password
/// (RFC 9110 §4.2.4).
///
/// ```abnf
/// authority = [ userinfo "@" ] host [ ":" port ]                ; RFC 3986 §3.2
/// ```
fn without_userinfo(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.contains(&b'@') {
        return Cow::Borrowed(line);
    }
    let is_host = line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"Host:"));
    let mut start = match line {
        [b'C', b'O', b'N', b'N', b'E', b'C', b'T', b' ', ..] => Some(8),
        _ => is_host.then_some(5),
    };
    let (mut shown, mut rest) = (Vec::with_capacity(line.len()), line);
    loop {
        let scheme = || rest.windows(3).position(|octets| octets == b"://").map(|at| at + 3);
        let Some((before, from)) =
            start.take().or_else(scheme).and_then(|at| rest.split_at_checked(at))
        else {
            break;
        };
        shown.extend_from_slice(before);
        let ends = |octet: &u8| matches!(octet, b'/' | b'?' | b'#' | b'\t' | b'"');
        let authority = from.trim_ascii_start();
        let end = authority.iter().position(|octet| ends(octet) || *octet == b' ');
        let authority = authority.get(..end.unwrap_or(authority.len())).unwrap_or_default();
        if let Some(at) = authority.iter().rposition(|octet| *octet == b'@') {
            let host = authority.get(at..).unwrap_or_default();
            shown.extend_from_slice(if is_host && before.len() == 5 { b" ***" } else { b"***" });
            shown.extend_from_slice(host);
            let blanks = from.len() - from.trim_ascii_start().len();
            rest = from.get(blanks + authority.len()..).unwrap_or_default();
        } else {
            rest = from;
        }
    }
    shown.extend_from_slice(rest);
    Cow::Owned(shown)
}

/// A line of the server's own, after the name that it goes by.
pub(super) fn note(out: &mut Vec<u8>, name: &str, text: &[u8]) {
    let _ = write!(out, "{name}: ");
    escape(out, text, b"\\");
    out.push(b'\n');
}

/// `09/Nov/2025:08:49:37 +0000`, rearranged from `Sun, 09 Nov 2025 08:49:37 GMT`.
fn date(out: &mut Vec<u8>, time: UnixTime) {
    let imf = imf_fixdate(time);
    if let [_, _, _, _, _, day @ .., b' ', b'G', b'M', b'T'] = imf.as_slice() {
        out.extend(day.iter().enumerate().map(|(at, octet)| match at {
            2 | 6 => b'/',
            11 => b':',
            _ => *octet,
        }));
        out.extend_from_slice(b" +0000");
    }
}

/// Printable ASCII as it is, anything else and what is in `also` as `\xHH`: what a client sends
/// must not steer a terminal, end a line, or pass for another field of it.
fn escape(out: &mut Vec<u8>, text: &[u8], also: &[u8]) {
    for octet in text {
        if matches!(octet, b' '..=b'~') && !also.contains(octet) {
            out.push(*octet);
        } else {
            let _ = write!(out, "\\x{octet:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use thimble_core::message::Status;

    use super::*;

    fn local() -> Client {
        Client::of(Some(SocketAddr::from(([127, 0, 0, 1], 80))))
    }

    #[test]
    fn access_lines() {
        let of = |ip: IpAddr| Client::of(Some(SocketAddr::new(ip, 80)));
        let host = of(IpAddr::from([127, 0, 0, 1]));
        let mapped = of(IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1]));
        let time = UnixTime(784_111_777);
        for (client, head, status, content, line) in [
            (
                host,
                &b"GET /a?b=1 HTTP/1.1"[..],
                Status::OK,
                2326,
                "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=1 HTTP/1.1\" 200 2326\n",
            ),
            (
                mapped,
                b"",
                Status::REQUEST_TIMEOUT,
                0,
                "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"-\" 408 -\n",
            ),
            (
                of(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])),
                b"GET \"\\\x1b[2J\t\x7f\x80\xff HTTP/1.0\r\nHost: a",
                Status::BAD_REQUEST,
                9,
                "::1 - - [06/Nov/1994:08:49:37 +0000] \"GET \\x22\\x5c\\x1b[2J\\x09\\x7f\\x80\\xff HTTP/1.0\" 400 9\n",
            ),
            (
                Client::of(None),
                b"GET / HTTP/1.1",
                Status::OK,
                1,
                "unix: - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 1\n",
            ),
        ] {
            let mut out = Vec::new();
            access(&mut out, client, time, &Record::new(head, status, content));
            assert_eq!(String::from_utf8(out).as_deref(), Ok(line));
        }
    }

    #[test]
    fn a_long_request_line_is_cut() {
        for (length, shown) in [(200, "a".repeat(200)), (201, "a".repeat(200) + "...")] {
            let head = [b'a'].repeat(length);
            let mut out = Vec::new();
            let record = Record::new(&head, Status::BAD_REQUEST, 0);
            request(&mut out, local(), UnixTime(784_111_777), &record);
            let line = String::from_utf8(out).unwrap_or_default();
            let expected = format!("127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"{shown}\"");
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn what_comes_before_a_host_is_not_shown() {
        for (line, shown) in [
            ("GET http://user:pw@host/ HTTP/1.1", "GET http://***@host/ HTTP/1.1"),
            ("GET http://user@host?a=b@c HTTP/1.1", "GET http://***@host?a=b@c HTTP/1.1"),
            ("GET https://a:b@c:d@host HTTP/1.1", "GET https://***@host HTTP/1.1"),
            ("GET http://host/a@b HTTP/1.1", "GET http://host/a@b HTTP/1.1"),
            ("GET /a@b:c HTTP/1.1", "GET /a@b:c HTTP/1.1"),
            ("GET /?to=ftp://u:p@h/ HTTP/1.1", "GET /?to=ftp://***@h/ HTTP/1.1"),
            ("CONNECT user:pw@host:443 HTTP/1.1", "CONNECT ***@host:443 HTTP/1.1"),
            ("host: user:pw@host", "host: ***@host"),
            ("Referer: http://a/b@c", "Referer: http://a/b@c"),
            ("Referer: http://u:p@a/ http://v:q@b", "Referer: http://***@a/ http://***@b"),
            ("From: a@b", "From: a@b"),
        ] {
            let masked = without_userinfo(line.as_bytes());
            assert_eq!(String::from_utf8_lossy(&masked), shown);
            let mut out = Vec::new();
            head(&mut out, "", "", line.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), format!("{shown}\n"));
        }
        // Also where the line is cut.
        let long = format!("GET http://user:{}@host/ HTTP/1.1", "p".repeat(300));
        let record = Record::new(long.as_bytes(), Status::OK, 0);
        let mut out = Vec::new();
        request(&mut out, local(), UnixTime(784_111_777), &record);
        assert!(String::from_utf8_lossy(&out).ends_with("\"GET http://***@host/ HTTP/1.1\""));
    }

    #[test]
    fn failures() {
        let (host, head, status) = (local(), b"GET / HTTP/1.1", Status::OK);
        let record = Record::new(head, status, 0);
        let mut out = Vec::new();
        failure(&mut out, host, UnixTime(784_111_777), &record, "no\nluck");
        assert_eq!(
            String::from_utf8(out).as_deref(),
            Ok(
                "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 failed: no\\x0aluck\n"
            ),
        );
    }

    #[test]
    fn heads() {
        for (text, lines) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], "< GET / HTTP/1.1\n< Host: a\n"),
            (
                b"GET / HTTP/1.1\r\nA: \"\x07\r\xe9\\\r\n\r\n",
                "< GET / HTTP/1.1\n< A: \"\\x07\\x0d\\xe9\\x5c\n",
            ),
            (b"\r\n\r\n", "< \n"),
            (b"cut off", "< cut off\n"),
        ] {
            let mut out = Vec::new();
            head(&mut out, "", "< ", text);
            assert_eq!(String::from_utf8(out).as_deref(), Ok(lines));
        }
    }
}
