//! A row of the tables over a socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::cases::{Case, End};
use crate::transcript::{FOLLOW_UP, Octets};

/// Longer than any row takes, and shorter than a server waits for an idle client.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends what `case` says, and reads until the server closes.
///
/// # Errors
/// It can't be reached, resets the connection, or leaves it open.
pub fn converse(case: &Case, address: SocketAddr) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .map_err(|error| error.to_string())?;
    let follow_up = if case.end == End::Open && !case.shut { FOLLOW_UP } else { b"" };
    // Who refuses early may close before all is sent; the reply tells.
    let _ = stream.write_all(&[&case.send, follow_up].concat());
    if case.shut {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut output = Vec::new();
    match stream.read_to_end(&mut output) {
        Ok(_) => Ok(output),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(format!("the connection stays open after {}", Octets(&output)))
        }
        Err(error) => Err(format!("{error} after {}", Octets(&output))),
    }
}
