//! A client over a socket that sends what a row says.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::cases::transcript::Octets;

/// A connection on which nothing comes for so long stays open: no row takes as long, and a server waits for
/// longer for an idle client.
const STAYS_OPEN: Duration = Duration::from_secs(10);

/// Sends what is `sent`, shuts the sending side if so asked, and reads until the server closes.
///
/// # Errors
/// The server can't be reached, resets the connection, or leaves it open.
pub fn converse(sent: &[u8], shut: bool, address: SocketAddr) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(STAYS_OPEN)))
        .map_err(|error| error.to_string())?;
    // Who refuses early may close before all is sent; the reply tells.
    let _ = stream.write_all(sent);
    if shut {
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
