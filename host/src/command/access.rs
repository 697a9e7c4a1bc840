//! The flags that say who may come in, and who may read.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use thimble_core::grammar::host::authority;

use super::problem::Problem;
use crate::passwords::Passwords;

/// The flags that say who may come in, and who may read.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
#[non_exhaustive]
pub struct AccessFlags {
    /// Ask for a name and a password; give it again for others
    #[arg(long, value_name = "USER:PASSWORD")]
    pub auth: Vec<String>,

    /// Ask for those of this file, as htpasswd -B makes it; read again at SIGHUP
    #[arg(long, value_name = "FILE")]
    pub auth_file: Option<PathBuf>,

    /// Ask for them at all requests, or by `write` at all but GET, HEAD and OPTIONS
    #[arg(
        long,
        value_name = "all|write",
        value_enum,
        default_value = "all",
        hide_possible_values = true
    )]
    pub auth_for: AuthFor,

    /// Allow pages of this origin to read by script; without one, all pages (CORS)
    #[arg(long, value_name = "ORIGIN", value_parser = origin, num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub cors: Vec<String>,

    /// Answer for this Host name, localhost and addresses only (against DNS rebinding)
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub allow_host: Vec<String>,
}

/// What credentials are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthFor {
    /// For all requests.
    All,
    /// For all methods but GET, HEAD and OPTIONS.
    Write,
}

impl AccessFlags {
    /// The names and passwords that are asked for; `None` if none are.
    ///
    /// # Errors
    /// The file can't be read or used, or a name and password can't be.
    pub(super) fn passwords(&self) -> Result<Option<Passwords>, Problem> {
        if self.auth.is_empty() && self.auth_file.is_none() {
            if self.auth_for == AuthFor::Write {
                return Err(Problem("--auth-for needs --auth or --auth-file".into()));
            }
            return Ok(None);
        }
        let mut passwords = Passwords::default();
        for user in &self.auth {
            // What was given is not shown: it may be a password.
            let (name, password) =
                user.split_once(':').ok_or_else(|| Problem("write --auth USER:PASSWORD".into()))?;
            let added = passwords.add(name, password);
            added.map_err(|why| Problem(format!("--auth can't be used: {why}")))?;
        }
        if let Some(path) = &self.auth_file {
            let text = fs::read_to_string(path)
                .map_err(|error| Problem::of_passwords(path, &error.to_string()))?;
            passwords.add_hashes(&text).map_err(|why| Problem::of_passwords(path, &why))?;
            if passwords.is_empty() {
                return Err(Problem::of_passwords(path, "nobody is in it"));
            }
        }
        Ok(Some(passwords))
    }

    /// The file that nobody should download.
    pub(super) fn secret_file(&self) -> Option<&Path> {
        self.auth_file.as_deref()
    }
}

/// An origin as browsers write it (RFC 6454 §6.2), or `*`, or `null`, which is that of files.
fn origin(text: &str) -> Result<String, &'static str> {
    const LIKE: &str = "write it like https://example.com or http://localhost:5173, without a path";
    if matches!(text, "*" | "null") {
        return Ok(text.to_owned());
    }
    let origin = text.to_ascii_lowercase();
    let (scheme, rest) = origin.split_once("://").ok_or(LIKE)?;
    let is_scheme = |octet: u8| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet);
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) || rest.ends_with(':') {
        return Err(LIKE);
    }
    let parsed = authority(rest.as_bytes()).ok_or(LIKE)?;
    let is_usual = matches!((scheme, parsed.port()), ("http", Some(80)) | ("https", Some(443)));
    let shown = if is_usual { parsed.host() } else { rest };
    Ok(format!("{scheme}://{shown}"))
}

/// The name of a host, whose port makes no difference.
fn host(text: &str) -> Result<String, &'static str> {
    const LIKE: &str = "write it like printer.example, or *.example.org for all names below";
    let name = text.strip_prefix("*.").unwrap_or(text);
    let parsed = authority(name.as_bytes()).ok_or(LIKE)?;
    if parsed.host().contains('*') || parsed.host() == "." {
        return Err(LIKE);
    }
    let wildcard = if name.len() < text.len() { "*." } else { "" };
    Ok(format!("{wildcard}{}", parsed.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for (text, expected) in [
            ("*", "*"),
            ("null", "null"),
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM:443", "https://example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://a:80", "https://a:80"),
            ("chrome-extension://abc", "chrome-extension://abc"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "a",
            "a.example",
            "https://",
            "https://a/",
            "https://a/b",
            "://a",
            "https://u@a",
            "https://a:",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_are_names() {
        for (text, expected) in [
            ("a.example", "a.example"),
            ("a.example:80", "a.example"),
            ("*.a.example", "*.a.example"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(expected));
        }
        for text in ["", "*", "*.", "http://a", "a/b", "a b", "*.*.a", "a.*"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
