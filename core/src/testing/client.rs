//! A client that sends its requests in memory.

use alloc::vec;
use alloc::vec::Vec;
use core::hint::spin_loop;
use core::task::Waker;

use super::reply::Reply;
use super::request::Request;
use super::wire::{Incoming, Outgoing, Wire};
use crate::framing::Limits;
use crate::grammar::date::UnixTime;
use crate::message::FieldEntry;
use crate::server::blocking::block_on;
use crate::server::{Buffers, Clock, Driver, Ended, Service};

/// Octets of a transmit buffer, as the frontends for desktops have.
const TRANSMIT: usize = 32 * 1024;
/// Field lines that look-ups know the places of.
const FIELDS: usize = 32;

/// A client of a service, without a socket. Each call uses a new connection.
///
/// ```
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// /// Answers with the content of the request.
/// struct Echo;
///
/// impl Service for Echo {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         let (mut body, respond) = exchange.open().await?;
///         let mut out = respond.status(Status::OK).stream();
///         while let Some(chunk) = body.chunk().await? {
///             out.write(chunk).await?;
///         }
///         out.finish()
///     }
/// }
///
/// let client = Client::new(Echo);
/// let request = Request::post("/").chunks(&[b"a", b"bc"]).field("Expect", "100-continue");
/// let reply = client.send(&request);
/// assert_eq!((reply.content(), reply.field("Transfer-Encoding")), (&b"abc"[..], Some("chunked")));
///
/// // Several requests on one connection, whose octets arrive one by one.
/// let requests = [request, Request::get("/"), Request::post("/").content("d")];
/// let replies = client.pieces(1).pipeline(&requests);
/// assert!(replies.iter().map(|reply| reply.text()).eq(["abc", "", "d"]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client<S> {
    server: Driver<S, Time>,
    piece: usize,
}

/// A clock that stands still, or none.
#[derive(Clone, Copy, Debug)]
struct Time(Option<UnixTime>);

impl Clock for Time {
    fn now(&self) -> Option<UnixTime> {
        self.0
    }
}

impl<S: Service> Client<S> {
    /// A client of `service`, which may be a reference. It uses [`Limits::DESKTOP`] and no clock, and
    /// what it sends arrives at once.
    pub const fn new(service: S) -> Self {
        let server = Driver::new(service, Time(None), Limits::DESKTOP);
        Self { server, piece: usize::MAX }
    }

    /// Limits what the client may send.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.server.limits = limits;
        self
    }

    /// Sets the time of all requests, so that replies have a Date.
    pub fn time(mut self, time: UnixTime) -> Self {
        self.server.clock = Time(Some(time));
        self
    }

    /// Makes requests arrive in pieces of that many octets, at least one.
    pub fn pieces(mut self, octets: usize) -> Self {
        self.piece = octets.max(1);
        self
    }

    /// Sends a GET, and returns the reply.
    ///
    /// # Panics
    /// As [`send`](Self::send) does.
    pub fn get(&self, target: &str) -> Reply {
        self.send(&Request::get(target))
    }

    /// Posts a form, and returns the reply.
    ///
    /// # Panics
    /// As [`send`](Self::send) does.
    pub fn post_form(&self, target: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(&Request::post(target).form(fields))
    }

    /// Sends a request, and returns the reply. A service that waits for something is polled until it is
    /// done; within a runtime, await [`converse`](Self::converse) instead.
    ///
    /// # Panics
    /// There is no reply: the connection was cut before the head of one had been sent.
    #[expect(clippy::expect_used, reason = "the test fails then")]
    pub fn send(&self, request: &Request) -> Reply {
        let mut replies = self.wait(&request.to_octets()).into_iter();
        replies.next().expect("the connection was cut without a reply")
    }

    /// Sends requests one after the other on one connection, and returns the replies: fewer, if it closes
    /// before the last.
    pub fn pipeline(&self, requests: &[Request]) -> Vec<Reply> {
        let octets: Vec<_> = requests.iter().flat_map(Request::to_octets).collect();
        self.wait(&octets)
    }

    fn wait(&self, octets: &[u8]) -> Vec<Reply> {
        block_on(self.converse(octets), Waker::noop(), spin_loop)
    }

    /// Sends `octets`, whatever they are, shuts the sending side, and returns the replies.
    pub async fn converse(&self, octets: &[u8]) -> Vec<Reply> {
        let rx = Incoming { octets, piece: self.piece };
        let mut wire = Wire { rx, tx: Outgoing::default() };
        let mut rx = vec![0; self.server.limits.receive_buffer()];
        let mut tx = vec![0; TRANSMIT];
        let mut fields = [FieldEntry::default(); FIELDS];
        loop {
            let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut fields };
            // Nothing fails here but for an exchange that is cut, of which the octets tell.
            if !matches!(self.server.serve(&mut wire, buffers).await, Ok(Ended::Idle)) {
                break;
            }
        }
        Reply::read_all(&wire.tx.octets, &wire.tx.to_head)
    }
}
