//! The life of a connection, again and again.

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use smoltcp::socket::tcp::{Socket, State};
use thimble_core::server::{Buffers, Clock, Ended, Server, Service};

use crate::slot::Stage;
use crate::transport::{Halves, Line};

/// Serves one client after the other.
pub(crate) async fn attend<S: Service, C: Clock>(
    server: &Server<S, C>,
    line: Line<'_, '_>,
    mut buffers: Buffers<'_>,
) -> Infallible {
    loop {
        poll_fn(|_| line.poll_open()).await;
        let mut transport = Halves::new(line);
        let ended = loop {
            let Buffers { rx, tx, fields } = &mut buffers;
            // Pinned where it is made: `await` alone would move it there, twice.
            let mut serve = pin!(server.serve(&mut transport, Buffers { rx, tx, fields }));
            match serve.as_mut().await {
                Ok(Ended::Idle) => {}
                ended => break ended,
            }
        };
        match ended {
            Ok(Ended::Closed) => line.end(),
            _ => line.abort(),
        }
        poll_fn(|_| line.poll_ended()).await;
    }
}

impl Line<'_, '_> {
    /// Listens until a client is there.
    fn poll_open(&self) -> Poll<()> {
        let state = self.socket(|socket| {
            // It fails when the socket listens or is connected already, as it should.
            let _ = socket.listen(self.network.port);
            (socket.state(), socket.remote_endpoint())
        });
        match state {
            Some((State::Established | State::CloseWait, _)) => {
                let connections = &self.network.connections;
                connections.set(connections.get().wrapping_add(1));
                self.enter(Stage::Busy);
                Poll::Ready(())
            }
            Some((State::SynReceived, client)) => {
                self.slot.opening(client);
                self.enter(Stage::Opening);
                if self.is_over() {
                    self.socket(Socket::abort);
                    return self.poll_open_again();
                }
                Poll::Pending
            }
            _ => {
                self.enter(Stage::Listening);
                Poll::Pending
            }
        }
    }

    /// Listens for another client than the one whose handshake was not finished.
    fn poll_open_again(&self) -> Poll<()> {
        self.socket(|socket| socket.listen(self.network.port));
        self.enter(Stage::Listening);
        Poll::Pending
    }

    /// Sends what is left, then the end.
    fn end(&self) {
        self.socket(Socket::close);
        self.enter(Stage::Ending);
    }

    /// Resets the connection.
    fn abort(&self) {
        self.socket(Socket::abort);
        self.enter(Stage::Aborting);
    }

    /// Waits until the client has all that was sent to it, and then for its end as long as nobody
    /// needs the socket.
    fn poll_ended(&self) -> Poll<()> {
        let Some((state, is_silent)) =
            self.socket(|socket| (socket.state(), socket.remote_endpoint().is_none()))
        else {
            return Poll::Pending;
        };
        let is_done = match state {
            // After that nothing more is owed. Later segments of this connection are answered by a
            // reset.
            State::TimeWait => {
                let is_done = self.slot.stage() == Stage::Ended;
                self.enter(Stage::Ended);
                is_done
            }
            State::Listen => true,
            // The reset may have to wait until the client's address is known.
            State::Closed => is_silent || self.is_over(),
            State::FinWait2 => {
                self.enter(Stage::Parting);
                let is_done = self.is_over() || self.slot.is_let_go();
                if is_done {
                    self.socket(Socket::abort);
                }
                is_done
            }
            _ => {
                if self.is_over() {
                    self.abort();
                }
                false
            }
        };
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    }
}
