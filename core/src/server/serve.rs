//! The driver: reads requests, calls the service, sends what it replies.

use super::body::{Arrived, Incoming, receive};
use super::buffer::Buffer;
use super::clock::Clock;
use super::error::{Error, FAILED};
use super::exchange::{Exchange, Parts};
use super::handler::Service;
use super::output::{Outgoing, Output};
use super::refusal_page::RefusalPage;
use super::responder::Responder;
use super::route::{MAX_SEGMENTS, Route};
use super::session::{Buffers, Ended, Lent, Session, Step};
use super::transport::{Half, Transmit, Transport};
use crate::framing::{Limits, Receiver};
use crate::message::{Head, Method, ParseError, Refusal, Target};

/// The driver of a service: it reads requests from a transport, calls the service, and sends replies.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Driver<S, C> {
    /// The application.
    pub service: S,
    /// The clock.
    pub clock: C,
    /// The limits.
    pub limits: Limits,
    /// The page that shows refusals to clients that accept HTML; `None` for a line of text.
    pub refusal_page: Option<&'static RefusalPage>,
}

impl<S: Service, C: Clock> Driver<S, C> {
    /// The driver of `service`.
    pub const fn new(service: S, clock: C, limits: Limits) -> Self {
        Self { service, clock, limits, refusal_page: None }
    }

    /// Shows refusals as `page` to clients that accept HTML. Without this, every client gets a line of
    /// text.
    #[must_use]
    pub const fn refusal_page(mut self, page: &'static RefusalPage) -> Self {
        self.refusal_page = Some(page);
        self
    }

    /// Serves requests on a connection until it is idle or over.
    ///
    /// When it is idle, serve it again as soon as something arrives. Between two calls, the buffers can
    /// serve another connection.
    ///
    /// ```
    /// use core::hint::spin_loop;
    /// use core::task::Waker;
    /// use std::io::{self, Read as _, Write as _};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// use embedded_io::ErrorKind;
    /// use thimble_core::server::blocking::{Blocking, Close, block_on};
    /// use thimble_core::server::{Buffers, Ended, Half};
    /// # use thimble_core::{Answer, Exchange, Service, Status, Transport};
    /// use thimble_core::{Limits, NoClock, Driver};
    ///
    /// /// Either half of a connection. A server that others reach has deadlines, too, which it sets
    /// /// when a phase is announced.
    /// struct Socket<'s>(&'s TcpStream);
    ///
    /// impl embedded_io::ErrorType for Socket<'_> {
    ///     type Error = ErrorKind;
    /// }
    ///
    /// impl embedded_io::Read for Socket<'_> {
    ///     fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
    ///         self.0.read(buffer).map_err(|_| ErrorKind::Other)
    ///     }
    /// }
    ///
    /// impl embedded_io::Write for Socket<'_> {
    ///     fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
    ///         self.0.write(octets).map_err(|_| ErrorKind::Other)
    ///     }
    ///
    ///     fn flush(&mut self) -> Result<(), Self::Error> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Half for Socket<'_> {}
    ///
    /// impl Close for Socket<'_> {
    ///     fn close(&mut self) -> Result<(), Self::Error> {
    ///         self.0.shutdown(std::net::Shutdown::Write).map_err(|_| ErrorKind::Other)
    ///     }
    /// }
    ///
    /// # struct Hello;
    /// #
    /// # impl Service for Hello {
    /// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    /// #         Ok(exchange.respond(Status::OK).text("Hello, world!\n"))
    /// #     }
    /// # }
    /// #
    /// # fn main() -> io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// # client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    /// # client.shutdown(std::net::Shutdown::Write)?;
    /// let (stream, _) = listener.accept()?;
    ///
    /// let server = Driver::new(Hello, NoClock, Limits::DEVICE);
    /// let mut transport = Blocking::new(Socket(&stream), Socket(&stream));
    /// let (mut rx, mut tx) = ([0; 6 * 1024], [0; 1024]);
    /// loop {
    ///     let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
    ///     match block_on(server.serve(&mut transport, buffers), Waker::noop(), spin_loop) {
    ///         Ok(Ended::Idle) => {} // The next read waits for the next request.
    ///         _ => break,           // Whatever else: the connection is over.
    ///     }
    /// }
    /// # drop(stream);
    /// # let mut reply = String::new();
    /// # client.read_to_string(&mut reply)?;
    /// # assert!(reply.ends_with("\r\n\r\nHello, world!\n"), "{reply}");
    /// # Ok(())
    /// # }
    /// ```
    /// # Errors
    /// The transport failed. The connection is over.
    ///
    /// # Cancel safety
    /// It is not cancel safe: if you drop the future, reset the connection.
    #[expect(clippy::too_many_lines, reason = "parts of it would be futures within this one")]
    pub fn serve<'b, T: Transport>(
        &'b self,
        transport: &'b mut T,
        buffers: Buffers<'b>,
    ) -> impl Future<Output = Result<Ended, T::Error>> {
        // Made before the future, which would hold what it is made of, too.
        let mut session = Session::new(&self.limits, self.refusal_page, buffers);
        async move {
            loop {
                let (rx, tx) = transport.halves();
                let done = match session.step() {
                    Step::Answer(refusal) => {
                        // In a function of its own it would be a future within this one, which weighs
                        // more.
                        let outcome = 'answered: {
                            if let Some(refusal) = refusal {
                                rx.head(session.head());
                                break 'answered Err(refusal.into());
                            }
                            let Some(lent) = session.lend() else {
                                break 'answered Err(Error::Cut);
                            };
                            let Lent {
                                head: octets,
                                fields,
                                connection,
                                window,
                                limits,
                                tx: buffer,
                                unsent,
                            } = lent;
                            rx.head(octets);
                            let is_secure = tx.is_secure();
                            let parse =
                                if is_secure { Receiver::secure_head } else { Receiver::head };
                            let parsed = parse(connection.receiver(), octets, fields);
                            let head = match connection.accept(octets, &parsed) {
                                Ok(head) => head,
                                Err(error) => break 'answered Err(error.into()),
                            };
                            if let Some(refusal) = tx.refuses() {
                                break 'answered Err(refusal.into());
                            }
                            let (path, general) = subject(head);
                            // The path is decoded into the transmit buffer.
                            let scratch = Route::scratch(path);
                            if scratch > buffer.len() / 4 {
                                break 'answered Err(ParseError::RequestLineTooLong.into());
                            }
                            let room = buffer.len() - scratch;
                            let Some((buffer, scratch)) = buffer.split_at_mut_checked(room) else {
                                break 'answered Err(Error::Cut);
                            };
                            // Fields that are added stand before it, whoever replies in the end.
                            unsent.path = scratch.len();
                            let mut segments = [""; MAX_SEGMENTS];
                            let route = Route::new(path, scratch, &mut segments);
                            let (receiver, sender) = connection.sides();
                            let incoming = Incoming { receiver, window, limits };
                            let now = self.clock.date();
                            let buffer = Buffer::new(buffer, unsent);
                            let output = Output::new(buffer, sender, now, octets);
                            let outgoing = Outgoing { output, tx };
                            let mut parts: Parts<'_, T> =
                                Parts { head, route, rx, incoming, outgoing, is_shared: false };
                            let exchange = Exchange { parts: &mut parts };
                            let mut reply = if let Some(methods) = general {
                                let exchange = exchange.with_fields(self.service.fields());
                                match self.service.admit(exchange).await {
                                    Ok(exchange) => exchange.allow(methods),
                                    Err(Ok(reply)) => reply,
                                    Err(Err(error)) => break 'answered Err(error),
                                }
                            } else {
                                match self.service.call(exchange).await {
                                    Ok(reply) => reply,
                                    Err(error) => break 'answered Err(error),
                                }
                            };
                            match reply.check() {
                                Ok(()) => reply.send().await,
                                Err(error) => Err(error.into()),
                            }
                        };
                        session.rejoin();
                        self.end_exchange(transport, &mut session, outcome)
                    }
                    Step::Flush => session.buffer().flush(tx).await,
                    Step::Read(phase) => {
                        let arrived = match receive(rx, &mut session.window(), phase).await {
                            Ok(arrived) => arrived,
                            Err(_) if session.is_lingering() => Arrived::End,
                            Err(error) => return Err(error),
                        };
                        session.arrived(arrived);
                        Ok(())
                    }
                    Step::Close => {
                        if tx.ignores_late_octets() {
                            session.leave_if_silent();
                        }
                        tx.close().await.map_err(Error::Transport)
                    }
                    Step::End(ended) => return Ok(ended),
                };
                match done {
                    Ok(()) => {}
                    Err(Error::Transport(error)) => return Err(error),
                    // What took the place of a reply is the last one.
                    Err(_) if T::Tx::REPLIES_WAIT && transport.halves().1.has_failed() => {
                        session.end_early();
                    }
                    Err(_) => return Ok(Ended::Cut),
                }
            }
        }
    }

    /// Ends an exchange: answers an error by a refusal, as long as none of the reply has been sent; tells
    /// the transport of the reply, for its log; and goes on with the next request, if the reply is whole.
    fn end_exchange<T: Transport>(
        &self,
        transport: &mut T,
        session: &mut Session<'_>,
        outcome: Result<(), Error<T::Error>>,
    ) -> Result<(), Error<T::Error>> {
        let (_, tx) = transport.halves();
        if T::Tx::REPLIES_WAIT && tx.has_failed() {
            return Err(Error::Cut);
        }
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(error @ Error::Transport(_)) => Err(error),
            Err(error) => {
                let refusal = if let Error::Refused(refusal) = error {
                    refusal
                } else {
                    tx.failed(&error);
                    FAILED
                };
                self.refuse::<T>(refusal, tx, session)
            }
        };
        let outcome = if session.is_whole() { outcome } else { Err(Error::Cut) };
        if outcome.is_ok() || session.unsent.committed {
            tx.replied(&session.record());
        }
        outcome?;
        session.conclude();
        Ok(())
    }

    /// Replaces the reply by a refusal, as long as none of it has been sent.
    fn refuse<T: Transport>(
        &self,
        refusal: &Refusal,
        tx: &mut T::Tx,
        session: &mut Session<'_>,
    ) -> Result<(), Error<T::Error>> {
        if session.unsent.committed {
            return Err(Error::Cut);
        }
        let output = session.reply(self.clock.date());
        let mut outgoing: Outgoing<'_, T> = Outgoing { output, tx };
        outgoing.output.restart();
        // No service has seen the request.
        if outgoing.output.buffer.unsent.added == 0 {
            for (name, value) in self.service.fields().iter().rev() {
                outgoing.output.add_field(name, value);
            }
        }
        let responder = Responder { outgoing: &mut outgoing };
        // All of it is in the buffer, or a page that the session puts there.
        let _ = responder.refuse_by(refusal);
        Ok(())
    }
}

/// What a request is about: a path, or, with the methods it then has, the server (RFC 9110 §9.3.7).
fn subject<'h>(head: &Head<'h>) -> (&'h str, Option<&'static [Method<'static>]>) {
    let target = head.target();
    let general: Option<&[_]> = match target {
        Target::Asterisk => Some(&[Method::Get, Method::Post]),
        Target::Authority(_) => Some(&[]),
        Target::Origin(_) | Target::Absolute(..) => None,
    };
    (target.path(), general)
}
