//! The flags for TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use clap::Args;

use super::problem::Problem;
use super::urls::{self, Address};
use crate::tls::{SelfMade, Tls};

/// The flags that say whether TLS is spoken, and by which certificate.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
#[non_exhaustive]
pub struct TlsFlags {
    /// Serve https by a certificate made for this run, and print its fingerprint
    #[arg(long)]
    pub tls: bool,

    /// Serve https by the certificate in this file (PEM), which is read again at SIGHUP
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of that certificate, unless it is in the same file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsFlags {
    /// What is in the files that are named; `None` if none are.
    pub(super) fn of_files(&self) -> Result<Option<Tls>, Problem> {
        let Some(certificate) = &self.tls_cert else { return Ok(None) };
        let key = self.tls_key.as_ref().unwrap_or(certificate);
        Tls::from_files(certificate, key).map(Some).map_err(Problem::of_tls)
    }

    /// A certificate for what listens on `addresses` and is called `binds`, if one is to be made.
    pub(super) fn made<'b>(
        &self,
        binds: impl Iterator<Item = &'b str>,
        addresses: &[Address],
    ) -> Result<Option<SelfMade>, Problem> {
        if !self.tls || self.tls_cert.is_some() {
            return Ok(None);
        }
        let mut hosts: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for place in urls::reached(addresses) {
            if !hosts.contains(&place.ip()) {
                hosts.push(place.ip());
            }
        }
        let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut names = vec!["localhost".to_owned()];
        for name in [own].into_iter().chain(binds.map(str::to_owned)) {
            if name.parse::<IpAddr>().is_err() && !names.contains(&name) {
                names.push(name);
            }
        }
        SelfMade::new(&names, &hosts).map(Some).map_err(Problem::of_tls)
    }

    /// The file that nobody should download.
    pub(super) fn secret_file(&self) -> Option<&Path> {
        self.tls_key.as_ref().or(self.tls_cert.as_ref()).map(PathBuf::as_path)
    }

    /// The scheme of what is served.
    pub(super) const fn scheme(&self) -> &'static str {
        if self.tls || self.tls_cert.is_some() { "https" } else { "http" }
    }
}
