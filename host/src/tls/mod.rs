//! TLS, by rustls: the certificate of a server, and the session of each of its connections.
//!
//! TLS 1.2 and 1.3 are spoken, and HTTP/1.1 over them. Clients are not asked for certificates, and the name
//! that they look for (SNI) makes no difference. A request in the clear gets a readable 400.

mod certificates;
mod files;
mod made;
mod problem;
mod session;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::ServerConfig;
use rustls::{ServerConnection, version};
use sha2::{Digest as _, Sha256};

use certificates::Certificates;

pub use made::SelfMade;
pub use problem::Problem;
pub use session::{Session, Wire};

/// How a server speaks TLS. Clones are the same: what one of them reads anew, all of them have.
///
/// ```no_run
/// use thimble_host::tls::Tls;
///
/// let tls = Tls::from_files("certificate.pem", "key.pem")?;
/// // Later, when the files have changed. Connections that are open keep what they have.
/// tls.read_again()?;
/// # Ok::<(), thimble_host::tls::Problem>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    files: Option<Arc<Files>>,
}

/// Where a certificate and its key are.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// With the certificate in one file, followed by those that lead to its root, and its private key in
    /// another, or in the same. Both are PEM.
    ///
    /// # Errors
    /// A file can't be read or used, the key is encrypted or that of another certificate, or the certificate
    /// is not valid at this time.
    pub fn from_files(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, Problem> {
        let files = Files { certificate: certificate.into(), key: key.into() };
        let read = files::read(&files)?;
        Self::new(Certificates::new(read), Some(Arc::new(files)))
    }

    /// With a certificate that was made for it.
    ///
    /// # Errors
    /// It can't be used, if it came from elsewhere.
    pub fn from_self_made(made: &SelfMade) -> Result<Self, Problem> {
        Self::new(Certificates::new(made.certified_key()?), None)
    }

    fn new(certificates: Certificates, files: Option<Arc<Files>>) -> Result<Self, Problem> {
        let certificates = Arc::new(certificates);
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| Problem::of_tls(&error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Certificates>::clone(&certificates));
        // All that is offered is sound, but those who audit servers ask for an order of their own.
        config.ignore_client_order = true;
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        Ok(Self { config: Arc::new(config), certificates, files })
    }

    /// Reads the files again, and takes what they hold for further connections.
    ///
    /// # Errors
    /// As for [`from_files`](Self::from_files). What was read before stays in use.
    pub fn read_again(&self) -> Result<(), Problem> {
        if let Some(files) = &self.files {
            self.certificates.set(files::read(files)?);
        }
        Ok(())
    }

    /// Whether it has files to read again.
    pub const fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// The SHA-256 fingerprint of the certificate, as browsers show it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let certificate = self.certificates.current();
        let octets = certificate.cert.first().map(AsRef::as_ref).unwrap_or_default();
        let digest = Sha256::digest(octets);
        digest.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The session of a new connection.
    ///
    /// # Errors
    /// It can't be set up.
    pub fn session(&self) -> io::Result<Session> {
        let connection = ServerConnection::new(Arc::clone(&self.config));
        Ok(Session::new(connection.map_err(io::Error::other)?))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}
