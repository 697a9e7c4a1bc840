//! Server-sent events (HTML §9.2).

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use super::error::Error;
use super::exchange::Exchange;
use super::responded::Answer;
use super::stream::Stream;
use super::transport::{Half as _, Transport};
use crate::bytes::ascii::{Decimal, as_str};
use crate::framing::EmitError;
use crate::message::Status;

/// A reply that goes on: events, each sent at once, for an
/// [`EventSource`](https://html.spec.whatwg.org/#server-sent-events) in a browser.
///
/// It has `Cache-Control: no-store`. It ends when the handler [finishes](Self::finish) it, and the browser
/// then asks again: a handler that has nothing more to say, ever, answers that by 204. It should also
/// finish when [`is_open`](Self::is_open) is false or [`wait`](Self::wait) returns `None`, because the
/// server stops. A client that has left is noticed when something is sent to it, so send a
/// [comment](Self::keep_alive) every quarter of a minute or so, which also keeps proxies from closing what
/// they take for idle.
///
/// # Examples
/// ```
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Event, Exchange, Service, Transport};
///
/// /// Counts to three, and goes on where a client has got to.
/// struct Counter;
///
/// impl Service for Counter {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         let mut events = exchange.events().await?;
///         let mut number = events.last_id().and_then(|id| id.parse().ok()).unwrap_or(0);
///         while number < 3 && events.is_open() {
///             number += 1;
///             let text = number.to_string(); // or a buffer of yours, on a device
///             events.send(&Event::new(&text).name("count").id(&text)).await?;
///         }
///         events.finish()
///     }
/// }
///
/// let client = Client::new(Counter);
/// let reply = client.send(&Request::get("/").field("Last-Event-ID", "1"));
/// assert_eq!(reply.field("Content-Type"), Some("text/event-stream"));
/// assert_eq!(reply.text(), "event: count\nid: 2\ndata: 2\n\nevent: count\nid: 3\ndata: 3\n\n");
/// ```
pub struct Events<'c, T: Transport> {
    stream: Stream<'c, T>,
    last_id: Option<&'c str>,
}

/// What a browser is told.
///
/// ```abnf
/// stream  = [ bom ] *event                                      ; HTML §9.2.5
/// event   = *( comment / field ) end-of-line
/// field   = 1*name-char [ colon [ space ] *any-char ] end-of-line
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'e> {
    data: Option<&'e str>,
    name: Option<&'e str>,
    id: Option<&'e str>,
    retry: Option<u32>,
}

impl<'e> Event<'e> {
    /// An event with this data. Ends of lines in it, which may be CR, LF or both, arrive as LF.
    pub const fn new(data: &'e str) -> Self {
        Self { data: Some(data), name: None, id: None, retry: None }
    }

    /// No event: what else it is given, the browser keeps in mind.
    pub const fn without_data() -> Self {
        Self { data: None, name: None, id: None, retry: None }
    }

    /// Sets its type, by which scripts listen to it; the default is `message`. It is one line.
    #[must_use]
    pub const fn name(self, name: &'e str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Sets its id, which the browser sends back as [`Events::last_id`] when it asks again. It is one line
    /// without NUL; an empty one takes back what was set before.
    #[must_use]
    pub const fn id(self, id: &'e str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Sets how many milliseconds the browser waits before it asks again.
    #[must_use]
    pub const fn retry(self, milliseconds: u32) -> Self {
        Self { retry: Some(milliseconds), ..self }
    }

    /// Whether its type and its id are lines.
    fn is_valid(&self) -> bool {
        let lines = [self.name, self.id].into_iter().flatten();
        !lines.flat_map(str::bytes).any(|octet| matches!(octet, b'\r' | b'\n' | 0))
    }

    /// Emits it piece by piece.
    fn emit(&self, emit: &mut dyn FnMut(&[u8])) {
        for (name, value) in [("event: ", self.name), ("id: ", self.id)] {
            if let Some(value) = value {
                for piece in [name, value, "\n"] {
                    emit(piece.as_bytes());
                }
            }
        }
        if let Some(retry) = self.retry {
            emit(b"retry: ");
            emit(Decimal::new(u64::from(retry)).as_bytes());
            emit(b"\n");
        }
        let mut rest = self.data.map(str::as_bytes);
        while let Some(data) = rest {
            let end = data.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
            let (line, behind) =
                data.split_at_checked(end.unwrap_or(data.len())).unwrap_or_default();
            emit(b"data: ");
            emit(line);
            emit(b"\n");
            rest = match behind {
                [b'\r', b'\n', behind @ ..] | [_, behind @ ..] => Some(behind),
                [] => None,
            };
        }
        emit(b"\n");
    }
}

impl<'c, T: Transport> Exchange<'c, T> {
    /// Answers with events: sends the head of the reply, and leaves what follows to the handler.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed.
    pub fn events(self) -> impl Future<Output = Result<Events<'c, T>, Error<T::Error>>> {
        async move {
            let last_id = self.head().fields().only("Last-Event-ID").map(as_str);
            let reply = self.respond(Status::OK).content_type("text/event-stream");
            let mut stream = reply.field("Cache-Control", "no-store").stream();
            stream.flush().await?;
            Ok(Events { stream, last_id })
        }
    }
}

impl<'c, T: Transport> Events<'c, T> {
    /// The id of the last event that the client has seen, if it asks again; `None` if it has seen none with
    /// an id. It may be anything.
    pub const fn last_id(&self) -> Option<&'c str> {
        self.last_id
    }

    /// Whether further events are sent: not in reply to HEAD, and no more once the server stops.
    pub fn is_open(&self) -> bool {
        !self.stream.omits_content() && !self.stream.outgoing.tx.stopping()
    }

    /// Waits for `what`, but no longer than [`is_open`](Self::is_open) is true: then it is `None`.
    pub fn wait<F: Future>(&mut self, what: F) -> impl Future<Output = Option<F::Output>> {
        async move {
            let mut what = pin!(what);
            poll_fn(|context| {
                let is_over = self.stream.omits_content()
                    || self.stream.outgoing.tx.poll_stopping(context).is_ready();
                if is_over { Poll::Ready(None) } else { what.as_mut().poll(context).map(Some) }
            })
            .await
        }
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`Error::Transport`] if the transport failed, as it does when the client has left;
    /// [`Error::Emit`] if the type or the id of the event is not one line.
    pub fn send(&mut self, event: &Event<'_>) -> impl Future<Output = Result<(), Error<T::Error>>> {
        async move {
            if !event.is_valid() {
                return Err(EmitError::Field.into());
            }
            self.stream.render(&|emit| event.emit(emit)).await?;
            self.stream.flush().await
        }
    }

    /// Sends a comment, which scripts don't see.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn keep_alive(&mut self) -> impl Future<Output = Result<(), Error<T::Error>>> {
        self.stream.write(b":\n\n")
    }

    /// Ends the reply.
    ///
    /// # Errors
    /// As for [`Stream::finish`].
    pub fn finish(self) -> Answer<'c, T> {
        self.stream.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn emitted(event: &Event<'_>) -> String {
        let mut octets = Vec::new();
        event.emit(&mut |piece| octets.extend_from_slice(piece));
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn events_are_lines() {
        for (event, expected) in [
            (Event::new("a"), "data: a\n\n"),
            (Event::new(""), "data: \n\n"),
            (Event::new(" a"), "data:  a\n\n"),
            (Event::new("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n"),
            (Event::new("a\n\nb\n"), "data: a\ndata: \ndata: b\ndata: \n\n"),
            (Event::new("a\nid: 7"), "data: a\ndata: id: 7\n\n"),
            (Event::new("a").name("n").id("i").retry(9), "event: n\nid: i\nretry: 9\ndata: a\n\n"),
            (Event::without_data().id(""), "id: \n\n"),
            (Event::without_data().retry(u32::MAX), "retry: 4294967295\n\n"),
        ] {
            assert!(event.is_valid());
            assert_eq!(emitted(&event), expected);
        }
        for event in
            [Event::new("a").name("b\nc"), Event::new("a").id("b\r"), Event::new("a").id("\0")]
        {
            assert!(!event.is_valid(), "{event:?}");
        }
    }
}
