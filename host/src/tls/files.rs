//! A certificate and its key in files.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::Error;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{Files, Problem};

/// Reads both, and checks that they can be used.
pub(super) fn read(files: &Files) -> Result<CertifiedKey, Problem> {
    let Files { certificate: path, key: key_path } = files;
    let text = fs::read(path).map_err(|error| Problem::of_file("certificate", path, &error))?;
    let chain = certificates(path, &text)?;
    let Some(first) = chain.first() else { return Err(Problem::no_certificate(path)) };
    check_time(path, first)?;
    let text =
        fs::read(key_path).map_err(|error| Problem::of_file("private key", key_path, &error))?;
    let key = key(key_path, &text)?;
    let key = ring::sign::any_supported_type(&key)
        .map_err(|error| Problem::unusable_key(key_path, &error))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // Of a key that can't tell, it shows when it is used.
        Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(Problem::mismatch(path, key_path)),
        Err(error) => Err(Problem::unusable_certificate(path, &error)),
    }
}

fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let found = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>();
    found.map_err(|error| Problem::of_pem("certificate", path, &error))
}

fn key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        // PKCS #8 says so in one way, and OpenSSL's own format in another.
        _ if is_encrypted(text) => Problem::encrypted(path),
        pem::Error::NoItemsFound => Problem::no_key(path),
        error => Problem::of_pem("private key", path, &error),
    })
}

fn is_encrypted(text: &[u8]) -> bool {
    text.split(|octet| *octet == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    })
}

/// Whether a certificate is valid now. One that this parser is too strict for is left to clients.
fn check_time(path: &Path, certificate: &CertificateDer<'_>) -> Result<(), Problem> {
    let Ok(parsed) = Certificate::from_der(certificate) else { return Ok(()) };
    let validity = parsed.tbs_certificate.validity;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (begin, end) = (validity.not_before, validity.not_after);
    if now > end.to_unix_duration() {
        return Err(Problem::expired(path, &end.to_date_time()));
    }
    // Clocks differ a little.
    if now.saturating_add(Duration::from_mins(1)) < begin.to_unix_duration() {
        return Err(Problem::not_yet_valid(path, &begin.to_date_time()));
    }
    Ok(())
}
