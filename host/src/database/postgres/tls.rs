//! TLS to the database, as its URL asks for.

use std::sync::Arc;

use postgres::config::SslMode;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// What a URL says of TLS.
#[derive(Debug)]
pub(super) struct Settings {
    /// The URL without that part of it which the client doesn't know.
    pub(super) url: String,
    /// The mode, where the client doesn't know the one that was given.
    pub(super) mode: Option<SslMode>,
    /// How the server's certificate is checked.
    pub(super) verifier: Verifier,
}

/// How the server's certificate is checked.
#[derive(Debug)]
pub(super) enum Verifier {
    /// Not at all.
    None,
    /// It has to lead to one of these, and to be for the host.
    Roots(RootCertStore),
}

/// Takes apart what `url` says of TLS.
pub(super) fn settings(url: &str) -> Result<Settings, String> {
    let Some((start, query)) = url.split_once('?') else {
        return Ok(Settings { url: url.into(), mode: None, verifier: Verifier::None });
    };
    let (mut kept, mut verifies, mut file) = (Vec::new(), false, None);
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", "verify-full")) => verifies = true,
            Some(("sslmode", "verify-ca")) => {
                return Err("sslmode=verify-ca isn't supported: use verify-full".into());
            }
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", path)) => file = Some(path),
            _ => kept.push(parameter),
        }
    }
    let url = if kept.is_empty() { start.into() } else { format!("{start}?{}", kept.join("&")) };
    if !verifies {
        if file.is_some() {
            return Err("sslrootcert needs sslmode=verify-full".into());
        }
        return Ok(Settings { url, mode: None, verifier: Verifier::None });
    }
    let mut roots = RootCertStore::empty();
    if let Some(path) = file {
        let unreadable = |error| format!("can't read the certificates in '{path}': {error}");
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            roots.add(certificate).map_err(|error| format!("'{path}': {error}"))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(Settings { url, mode: Some(SslMode::Require), verifier: Verifier::Roots(roots) })
}

/// The client's side of TLS.
pub(super) fn client(verifier: Verifier) -> Result<ClientConfig, String> {
    let failed = |error: &dyn std::fmt::Display| format!("TLS can't be set up: {error}");
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    Ok(match verifier {
        Verifier::None => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
            .with_no_client_auth(),
        Verifier::Roots(roots) => {
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| failed(&error))?;
            config.with_webpki_verifier(verifier).with_no_client_auth()
        }
    })
}

/// Takes any certificate, as the modes `prefer` and `require` do: they protect against eavesdroppers only.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_how_certificates_are_checked() {
        for (url, left, mode, verifies) in [
            ("postgres://a/b", "postgres://a/b", None, false),
            ("postgres://a/b?sslmode=require", "postgres://a/b?sslmode=require", None, false),
            (
                "postgres://a?x=1&sslmode=verify-full",
                "postgres://a?x=1",
                Some(SslMode::Require),
                true,
            ),
            ("postgres://a?sslmode=verify-full", "postgres://a", Some(SslMode::Require), true),
        ] {
            let settings = settings(url).unwrap();
            assert_eq!((&*settings.url, settings.mode), (left, mode));
            assert_eq!(matches!(settings.verifier, Verifier::Roots(_)), verifies, "{url}");
        }
        for url in [
            "postgres://a?sslmode=verify-ca",
            "postgres://a?sslrootcert=x",
            "postgres://a?sslmode=verify-full&sslrootcert=/no/such/file",
        ] {
            assert!(settings(url).is_err(), "{url}");
        }
    }
}
