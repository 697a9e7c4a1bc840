//! Whether a connection goes on after a reply (RFC 9112 §9.3).

use crate::message::facts::ConnectionOption;
use crate::message::{Head, Method, Version};

/// Whether the client is willing to send another request on this connection.
///
/// | | `close` | `keep-alive` | neither |
/// |---|---|---|---|
/// | HTTP/1.1 | no | yes | yes |
/// | HTTP/1.0 | no | yes | no |
///
/// After CONNECT it is not: what follows may be meant for the tunnel that was refused.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn is_persistent(head: &Head<'_>) -> bool {
    let facts = head.facts();
    !matches!(head.method(), Method::Connect)
        && match facts.connection {
            ConnectionOption::Close => false,
            ConnectionOption::KeepAlive => true,
            ConnectionOption::Neither => head.version() >= Version::Http11,
        }
}
