//! The loop that serves clients on one socket.

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;

use thimble_core::server::{Buffers, Clock, Driver, Ended, Service};

use crate::connection::TcpConnection;
use crate::transport::Halves;

/// Serves one client after another on the same socket.
pub(crate) async fn serve_clients<S: Service, C: Clock>(
    server: &Driver<S, C>,
    connection: TcpConnection<'_, '_>,
    mut buffers: Buffers<'_>,
) -> Infallible {
    loop {
        poll_fn(|_| connection.poll_accept()).await;
        let mut transport = Halves::new(connection);
        let ended = loop {
            let Buffers { rx, tx, fields } = &mut buffers;
            // Pinned where it is made: `await` alone would copy the future, twice.
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
