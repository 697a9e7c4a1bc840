//! Protocol versions (RFC 9112 §2.3).

use super::error::ParseError;

/// The version of a request, as far as it matters to the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
// In one octet, what stands behind it in a structure would be filled and copied octet by octet.
#[repr(u32)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, or a later minor version, which is served as 1.1 (RFC 9110 §2.5).
    Http11,
}

impl Version {
    /// The version of two digits.
    ///
    /// # Errors
    /// [`ParseError::UnsupportedVersion`] for every major version but 1.
    pub const fn new(major: u8, minor: u8) -> Result<Self, ParseError> {
        match (major, minor) {
            (1, 0) => Ok(Self::Http10),
            (1, _) => Ok(Self::Http11),
            _ => Err(ParseError::UnsupportedVersion),
        }
    }
}
