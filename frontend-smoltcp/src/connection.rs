//! The life of a connection, again and again.

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

use smoltcp::socket::tcp::{Socket, State};
use thimble_core::server::{Buffers, Clock, Ended, Server, Service};

use crate::connection_state::ConnectionPhase;
use crate::transport::{Halves, TcpConnection};

/// Serves one client after the other.
pub(crate) async fn serve_clients<S: Service, C: Clock>(
    server: &Server<S, C>,
    connection: TcpConnection<'_, '_>,
    mut buffers: Buffers<'_>,
) -> Infallible {
    loop {
        poll_fn(|_| connection.poll_accept()).await;
        let mut transport = Halves::new(connection);
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
            Ok(Ended::Closed) => connection.close(),
            _ => connection.abort(),
        }
        poll_fn(|_| connection.poll_closed()).await;
    }
}

impl TcpConnection<'_, '_> {
    /// Listens until a client is there.
    fn poll_accept(&self) -> Poll<()> {
        let state = self.socket(|socket| {
            // It fails when the socket listens or is connected already, as it should.
            let _ = socket.listen(self.server.port);
            (socket.state(), socket.remote_endpoint())
        });
        match state {
            Some((State::Established | State::CloseWait, _)) => {
                let connections = &self.server.connection_count;
                connections.set(connections.get().wrapping_add(1));
                self.enter(ConnectionPhase::Busy);
                Poll::Ready(())
            }
            Some((State::SynReceived, client)) => {
                self.state.opening(client);
                self.enter(ConnectionPhase::SynReceived);
                if self.is_timed_out() {
                    self.socket(Socket::abort);
                    return self.listen_again();
                }
                Poll::Pending
            }
            _ => {
                self.enter(ConnectionPhase::Listen);
                Poll::Pending
            }
        }
    }

    /// Listens for another client than the one whose handshake was not finished.
    fn listen_again(&self) -> Poll<()> {
        self.socket(|socket| socket.listen(self.server.port));
        self.enter(ConnectionPhase::Listen);
        Poll::Pending
    }

    /// Sends what is left, then the end.
    fn close(&self) {
        self.socket(Socket::close);
        self.enter(ConnectionPhase::FinSent);
    }

    /// Resets the connection.
    fn abort(&self) {
        self.socket(Socket::abort);
        self.enter(ConnectionPhase::Reset);
    }

    /// Waits until the client has all that was sent to it, and then for its end as long as nobody
    /// needs the socket.
    fn poll_closed(&self) -> Poll<()> {
        let Some((state, is_silent)) =
            self.socket(|socket| (socket.state(), socket.remote_endpoint().is_none()))
        else {
            return Poll::Pending;
        };
        let is_done = match state {
            // After that nothing more is owed. Later segments of this connection are answered by a
            // reset.
            State::TimeWait => {
                let is_done = self.state.phase() == ConnectionPhase::TimeWait;
                self.enter(ConnectionPhase::TimeWait);
                is_done
            }
            State::Listen => true,
            // The reset may have to wait until the client's address is known.
            State::Closed => is_silent || self.is_timed_out(),
            State::FinWait2 => {
                self.enter(ConnectionPhase::FinWait2);
                let is_done = self.is_timed_out() || self.state.must_leave();
                if is_done {
                    self.socket(Socket::abort);
                }
                is_done
            }
            _ => {
                if self.is_timed_out() {
                    self.abort();
                }
                false
            }
        };
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    }
}
