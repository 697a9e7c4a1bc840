//! A certificate that is made for one run of a server.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::Problem;

/// How long it is valid: as long as a run may take, and no longer than clients and audits put up with.
const DAYS: i64 = 365;

/// A certificate that signs itself, and its key. No client knows it: a person has to compare the
/// [fingerprint](super::Tls::fingerprint).
#[derive(Clone)]
pub struct SelfMade {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for SelfMade {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SelfMade").finish_non_exhaustive()
    }
}

impl SelfMade {
    /// Makes a certificate for these names and addresses of a server, by P-256. Names that can't be in a
    /// certificate are left out.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(names: &[String], addresses: &[IpAddr]) -> Result<Self, Problem> {
        let failed = |error: rcgen::Error| Problem::of_making(&error);
        let mut params = CertificateParams::default();
        let now = OffsetDateTime::now_utc();
        // Clocks differ.
        params.not_before = now.saturating_sub(time::Duration::days(1));
        params.not_after = params.not_before.saturating_add(time::Duration::days(DAYS));
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, "Thimble, for one run");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let names = names.iter().filter(|name| !name.is_empty() && name.is_ascii());
        let names = names.filter_map(|name| Some(SanType::DnsName(name.as_str().try_into().ok()?)));
        let addresses = addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names = names.chain(addresses).collect();
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }

    pub(super) fn certified_key(&self) -> Result<CertifiedKey, Problem> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let key = ring::sign::any_supported_type(&key).map_err(|error| Problem::of_tls(&error))?;
        Ok(CertifiedKey::new(vec![CertificateDer::from(self.certificate.clone())], key))
    }

    /// Octets from which another process [has the same](Self::from_octets). They hold the private key.
    pub fn to_octets(&self) -> Vec<u8> {
        let length = u32::try_from(self.certificate.len()).unwrap_or(u32::MAX);
        [&length.to_be_bytes(), &*self.certificate, &*self.key].concat()
    }

    /// What [`to_octets`](Self::to_octets) made octets of; `None` if it did not.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let (length, rest) = octets.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (certificate, key) = rest.split_at_checked(length)?;
        Some(Self { certificate: certificate.to_vec(), key: key.to_vec() })
    }
}
