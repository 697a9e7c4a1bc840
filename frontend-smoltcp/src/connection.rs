//! How a connection is accepted, and how it is closed.

use core::task::Poll;

use smoltcp::socket::tcp::{Socket, State};

use crate::connection_state::{ConnectionPhase, ConnectionState};
use crate::server_state::ServerState;

/// A socket of the server, with its state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpConnection<'run, 'm> {
    pub(crate) server: &'run ServerState<'run, 'm>,
    pub(crate) state: &'run ConnectionState,
}

impl<'m> TcpConnection<'_, 'm> {
    /// Calls `act` with the socket. Returns `None` if the socket set is borrowed, which it never is
    /// while a future is polled.
    pub(crate) fn socket<R>(&self, act: impl FnOnce(&mut Socket<'m>) -> R) -> Option<R> {
        let mut sockets = self.server.sockets.try_borrow_mut().ok()?;
        Some(act(sockets.get_mut(self.state.handle.get())))
    }

    pub(crate) fn enter(&self, phase: ConnectionPhase) {
        self.state.enter(phase, self.server.now.get(), &self.server.deadlines);
    }

    pub(crate) fn is_timed_out(&self) -> bool {
        self.state.is_timed_out(self.server.now.get())
    }

    /// Listens until a handshake is complete.
    pub(crate) fn poll_accept(&self) -> Poll<()> {
        let state = self.socket(|socket| {
            // `listen` fails if the socket is listening or connected already, and changes nothing.
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
                self.state.set_client(client);
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

    /// Listens for another client, after a handshake that timed out.
    fn listen_again(&self) -> Poll<()> {
        self.socket(|socket| socket.listen(self.server.port));
        self.enter(ConnectionPhase::Listen);
        Poll::Pending
    }

    /// Sends what is in the transmit buffer, then a FIN.
    pub(crate) fn close(&self) {
        self.socket(Socket::close);
        self.enter(ConnectionPhase::FinSent);
    }

    /// Resets the connection.
    pub(crate) fn abort(&self) {
        self.socket(Socket::abort);
        self.enter(ConnectionPhase::Reset);
    }

    /// Waits until the client has acknowledged everything, and then for its FIN, unless another
    /// client needs the socket.
    pub(crate) fn poll_closed(&self) -> Poll<()> {
        let Some((state, is_silent)) =
            self.socket(|socket| (socket.state(), socket.remote_endpoint().is_none()))
        else {
            return Poll::Pending;
        };
        let is_done = match state {
            // Once the last acknowledgement has left, the socket is free. Later segments of this
            // connection are answered by a RST.
            State::TimeWait => {
                let is_done = self.state.phase() == ConnectionPhase::TimeWait;
                self.enter(ConnectionPhase::TimeWait);
                is_done
            }
            State::Listen => true,
            // smoltcp forgets the endpoint once the RST has left, which may have to wait until the
            // client's hardware address is known.
            State::Closed => is_silent || self.is_timed_out(),
            State::FinWait2 => {
                self.enter(ConnectionPhase::FinWait2);
                let is_done = self.is_timed_out() || self.state.is_evicted_now();
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
