//! A request, as it is handed to a Python thread.

use std::net::SocketAddr;
use std::sync::Arc;

use thimble_core::{Exchange, Target, Transport, Version};

use crate::call::Call;
use crate::pieces::Pieces;

/// Octets of a request that there is room for at once.
const USUAL: usize = 1024;
/// Pieces that there is room for at once: two for each field, and four others.
const USUAL_PIECES: usize = 4 + 2 * 24;

/// A request that waits for a Python thread, or is answered by one.
pub(crate) struct Request {
    /// The method, the path, the query and the authority of a target in absolute-form; then the name
    /// and value of each field.
    pub(crate) pieces: Pieces,
    pub(crate) version: Version,
    pub(crate) is_head: bool,
    pub(crate) peer: Option<SocketAddr>,
    /// The local address, where the server listens on all that there are.
    pub(crate) local: Option<SocketAddr>,
    pub(crate) content: Content,
    pub(crate) call: Arc<Call>,
}

/// The content of a request.
pub(crate) enum Content {
    /// None, and no field says that there could be.
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// What has arrived. The rest is read when the application asks for it. Chunked content has no
    /// length.
    Streamed { begun: Vec<u8>, length: Option<u64> },
}

impl Content {
    /// Whether nothing of it is left to be read.
    pub(crate) const fn is_whole(&self) -> bool {
        !matches!(self, Self::Streamed { .. })
    }
}

impl Request {
    /// The request of `exchange`, as yet without its content.
    pub(crate) fn new<T: Transport>(exchange: &Exchange<'_, T>, call: &Arc<Call>) -> Self {
        let (head, target) = (exchange.head(), exchange.target());
        let mut pieces = Pieces::with_capacity(USUAL, USUAL_PIECES);
        pieces.push(head.method().as_str().as_bytes());
        pieces.push(target.path().as_bytes());
        pieces.push(target.query().unwrap_or_default().as_bytes());
        pieces.push(match &target {
            Target::Absolute(authority, _) => authority.as_str().as_bytes(),
            _ => b"",
        });
        for field in head.fields().iter() {
            pieces.push(field.name.as_bytes());
            pieces.push(field.value);
        }
        Self {
            pieces,
            version: head.version(),
            is_head: exchange.is_head(),
            peer: exchange.peer(),
            local: None,
            content: Content::None,
            call: Arc::clone(call),
        }
    }
}
