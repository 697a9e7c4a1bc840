//! What keeps a server from speaking TLS.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

/// Why a certificate or its key can't be used: one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    pub(super) fn of_tls(error: &dyn Display) -> Self {
        Self(format!("TLS can't be set up: {error}"))
    }

    pub(super) fn of_making(error: &dyn Display) -> Self {
        Self(format!("no certificate can be made: {error}"))
    }

    /// `what` is that which the file is for.
    pub(super) fn of_file(what: &str, path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        Self(match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file '{path}' to read the {what} from"),
            io::ErrorKind::PermissionDenied => {
                format!("the {what} '{path}' may not be read: change its permissions")
            }
            _ => format!("the {what} '{path}' can't be read: {error}"),
        })
    }

    pub(super) fn of_pem(what: &str, path: &Path, error: &dyn Display) -> Self {
        Self(format!("the {what} '{}' can't be read: {error}", path.display()))
    }

    pub(super) fn no_certificate(path: &Path) -> Self {
        Self(format!(
            "there is no certificate in '{}': give a PEM file with a line -----BEGIN CERTIFICATE-----",
            path.display()
        ))
    }

    pub(super) fn no_key(path: &Path) -> Self {
        Self(format!(
            "there is no private key in '{}': give --tls-key a PEM file with a line -----BEGIN PRIVATE KEY-----",
            path.display()
        ))
    }

    pub(super) fn encrypted(path: &Path) -> Self {
        let path = path.display();
        Self(format!(
            "the private key '{path}' is encrypted: decrypt it by openssl pkey -in '{path}' -out FILE, and give that to --tls-key"
        ))
    }

    pub(super) fn unusable_key(path: &Path, error: &dyn Display) -> Self {
        Self(format!(
            "the private key '{}' can't be used: {error}; RSA from 2048 bits, P-256, P-384 and Ed25519 can",
            path.display()
        ))
    }

    pub(super) fn unusable_certificate(path: &Path, error: &dyn Display) -> Self {
        Self(format!("the certificate '{}' can't be used: {error}", path.display()))
    }

    pub(super) fn mismatch(certificate: &Path, key: &Path) -> Self {
        Self(format!(
            "the private key '{}' is that of another certificate than '{}': give --tls-key the one that belongs to it",
            key.display(),
            certificate.display()
        ))
    }

    pub(super) fn expired(path: &Path, end: &dyn Display) -> Self {
        Self(format!("the certificate '{}' has expired at {end}: renew it", path.display()))
    }

    pub(super) fn not_yet_valid(path: &Path, begin: &dyn Display) -> Self {
        Self(format!(
            "the certificate '{}' is not valid until {begin}: is this machine's clock right?",
            path.display()
        ))
    }
}
