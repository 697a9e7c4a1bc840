//! The reply to one request, made by a service as that to another.

use super::body::{Body, Incoming};
use super::buffer::Buffer;
use super::error::Error;
use super::exchange::{Exchange, Parts};
use super::handler::Service;
use super::output::{Outgoing, Output};
use super::responded::{Answer, Responded};
use super::responder::Responder;
use super::route::{MAX_SEGMENTS, Route};
use super::transport::Transport;
use crate::bytes::cursor::Cursor;
use crate::bytes::span::Span;
use crate::bytes::window::Window;
use crate::framing::{EmitError, Receiver};
use crate::message::Head;

impl<'c, T: Transport> Responder<'c, T> {
    /// Replies as `service` does to another request, which has the head `head` and no content: a local
    /// redirect (RFC 3875 §6.2.2). The method of the request that was sent still decides whether content is
    /// left out, and its fields whether the connection goes on. `body` is that request's content, of which
    /// nothing more is read here. The path is decoded into `scratch`, for which as many octets as the path
    /// has are enough.
    ///
    /// A relative Location of the reply is relative to that other request (RFC 9110 §10.2.2), of which the
    /// client doesn't know: it is sent as an absolute path, unless the head has left before the service
    /// returns.
    ///
    /// # Errors
    /// Those of the service, and [`Error::Cut`] if `scratch` is too small.
    pub async fn forward<S: Service>(
        self,
        body: Body<'c, T::Rx>,
        service: &S,
        head: &Head<'_>,
        scratch: &mut [u8],
    ) -> Answer<'c, T> {
        let Self { outgoing } = self;
        let Body { rx, incoming } = body;
        let target = head.target();
        let scratch = scratch.get_mut(..Route::scratch(target.path())).ok_or(Error::Cut)?;
        outgoing.output.sender.close_unless_drainable(incoming.receiver);
        {
            let mut segments = [""; MAX_SEGMENTS];
            let route = Route::new(target.path(), scratch, &mut segments);
            let (mut none, mut unread) = ([0; 0], Span::default());
            let mut receiver = Receiver::without_content(incoming.receiver.limits());
            let window = Window::new(&mut none, &mut unread);
            let incoming = Incoming { receiver: &mut receiver, window, limits: incoming.limits };
            let Outgoing { output: Output { buffer, sender, now, request, .. }, tx } =
                &mut *outgoing;
            let output = Output::new(buffer.reborrow(), sender, *now, request);
            let outgoing = Outgoing { output, tx: &mut **tx };
            let mut parts: Parts<'_, T> =
                Parts { head, route, rx, incoming, outgoing, is_shared: false };
            let mut responded = service.call(Exchange { parts: &mut parts }).await?;
            responded.check()?;
            responded.outgoing.output.rebase(target.path(), target.query())?;
            // What it is made of ends here.
            responded.send().await?;
        }
        Ok(Responded { outgoing, tail: b"" })
    }
}

impl Output<'_> {
    /// Makes a Location that is relative to this path and query a path of its own, as long as none of the
    /// reply has left.
    fn rebase(&mut self, path: &str, query: Option<&str>) -> Result<(), EmitError> {
        let Buffer { octets, unsent } = &mut self.buffer;
        if unsent.committed {
            return Ok(());
        }
        let reply = Span { start: unsent.earlier, end: unsent.len }.of(octets);
        let Some(at) = location(reply).map(|at| unsent.earlier.saturating_add(at)) else {
            return Ok(());
        };
        let reference = octets.get(at..unsent.len).unwrap_or_default();
        let pieces = base_of(reference, path, query);
        let room: usize = pieces.iter().map(|piece| piece.len()).sum();
        let (len, end) = (unsent.len, octets.len().saturating_sub(unsent.added));
        if room > end.saturating_sub(len) {
            return Err(EmitError::Full);
        }
        octets.copy_within(at..len, at.saturating_add(room));
        let mut place = Cursor::new(octets.get_mut(at..).unwrap_or_default());
        for piece in pieces {
            place.push(piece);
        }
        place.written()?;
        unsent.len = len.saturating_add(room);
        Ok(())
    }
}

/// Where the value of Location begins in a reply, if it has that field.
fn location(reply: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"Location: ";
    let mut at = 0;
    for line in reply.split_inclusive(|octet| *octet == b'\n').take_while(|line| *line != b"\r\n") {
        if line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            return Some(at + NAME.len());
        }
        at += line.len();
    }
    None
}

/// What has to stand before the `reference` at the start of this to make it one with an absolute path, when
/// it is relative to a request for this path and query (RFC 3986 §5.2.2). Dots in it stay: whoever resolves
/// the reference removes them.
fn base_of<'p>(reference: &[u8], path: &'p str, query: Option<&'p str>) -> [&'p [u8]; 4] {
    let end = reference.iter().position(|octet| b"/?#\r:".contains(octet));
    let next = end.and_then(|end| reference.get(end));
    let folder = path.rfind('/').map_or("/", |slash| path.get(..=slash).unwrap_or("/"));
    let (path, mark, query) = match (end, next) {
        // It begins with a slash, or with a scheme.
        (Some(0), Some(b'/')) | (_, Some(b':')) => return [b""; 4],
        (Some(0), Some(b'?')) => (path, "", ""),
        (Some(0), Some(_)) => (path, query.map_or("", |_| "?"), query.unwrap_or_default()),
        _ => (folder, "", ""),
    };
    // Two slashes would begin a host, and browsers read a backslash as one.
    let is_doubled = matches!(path.as_bytes(), [_, b'/' | b'\\', ..]);
    let before: &[u8] = if is_doubled { b"/." } else { b"" };
    [before, path.as_bytes(), mark.as_bytes(), query.as_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986 §5.4, as far as it is about references that become paths.
    #[test]
    fn a_relative_reference_gets_an_absolute_path() {
        for (reference, path, query, absolute) in [
            ("g", "/b/c/d;p", Some("q"), "/b/c/g"),
            ("./g:h", "/b/c/d", None, "/b/c/./g:h"),
            ("../g", "/b/c/d", None, "/b/c/../g"),
            ("g/?y#s", "/b/c/", None, "/b/c/g/?y#s"),
            ("g?y:z", "/d", None, "/g?y:z"),
            ("?y", "/b/d", Some("q"), "/b/d?y"),
            ("#s", "/b/d", Some("q"), "/b/d?q#s"),
            ("", "/b/d", None, "/b/d"),
            ("/g", "/b/d", None, "/g"),
            ("//g", "/b/d", None, "//g"),
            ("http://g/", "/b/d", None, "http://g/"),
            ("g/", "//b/d", None, "/.//b/g/"),
            ("g/", "/\\b/d", None, "/./\\b/g/"),
            ("g", "", None, "/g"),
        ] {
            let line = [reference, "\r\nDate: x\r\n"].concat();
            let base = base_of(line.as_bytes(), path, query).concat();
            assert_eq!(
                std::string::String::from_utf8(base).unwrap() + reference,
                absolute,
                "{reference} {path}"
            );
        }
    }

    #[test]
    fn only_the_field_is_one() {
        for (reply, value) in [
            ("HTTP/1.1 301 a\r\nX: Location: b\r\nlocation: c\r\n\r\n", Some("c")),
            ("HTTP/1.1 301 a\r\nX-Location: b\r\n\r\nLocation: c", None),
            ("", None),
        ] {
            let found = location(reply.as_bytes()).and_then(|at| reply.get(at..)?.lines().next());
            assert_eq!(found, value, "{reply}");
        }
    }
}
