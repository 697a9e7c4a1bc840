//! The flags that say what replies have.

use clap::Args;
use clap::builder::RangedU64ValueParser;
use thimble_core::framing::EmitError;
use thimble_core::service::layers::{LIVE, check_field};
use thimble_core::service::{Appended, Pages};

#[cfg(feature = "compress")]
use crate::folder::Compression;
use crate::folder::Folder;

/// The flags that say what all replies have, and which file a path leads to.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(next_help_heading = "Pages")]
#[non_exhaustive]
pub struct ReplyFlags {
    /// Field to add to every reply; give it again for others
    #[arg(long, value_name = "NAME:VALUE", value_parser = field)]
    pub header: Vec<(String, String)>,

    /// Seconds for which browsers may use a file without asking again
    #[arg(long, value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(0..=31_536_000))]
    pub cache: Option<u64>,

    /// Serve index.html where a browser goes to a page that isn't there (single-page application)
    #[arg(long)]
    pub spa: bool,

    /// Also serve about.html at /about
    #[arg(long)]
    pub pretty: bool,

    /// Have browsers reload their pages when something below the folder changes
    #[arg(long)]
    pub live: bool,

    /// Send text as it is, instead of compressing it for clients that accept that
    #[cfg(feature = "compress")]
    #[arg(long)]
    pub no_compress: bool,
}

/// Octets that all added fields may have together, of the quarter of a buffer that is there for them.
pub(super) const ROOM: usize = 6 * 1024;

impl ReplyFlags {
    /// Whether a field of this name is added.
    fn adds(&self, name: &str) -> bool {
        self.header.iter().any(|(added, _)| added.eq_ignore_ascii_case(name))
    }

    /// `storage`, whose files have these `types`, and in which pages are found as the flags ask for.
    pub(super) fn pages<'s, S>(
        &self,
        storage: S,
        types: &'s [(&'s str, &'s str)],
    ) -> Pages<Appended<'s, S>> {
        let text = if self.live { LIVE } else { "" };
        let pages = Pages::new(Appended::new(storage, text).types(types));
        let pages = if self.spa { pages.single_page() } else { pages };
        if self.pretty { pages.without_extensions() } else { pages }
    }

    /// `folder`, whose files are compressed unless the flags forbid it.
    pub(super) fn compress(&self, folder: Folder) -> Folder {
        #[cfg(feature = "compress")]
        if !self.no_compress {
            return folder.compress(Compression::new());
        }
        folder
    }

    /// What is wrong with the flags together, in one line.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let octets = self.header.iter().map(|(name, value)| {
            name.len().saturating_add(value.len()).saturating_add(b": \r\n".len())
        });
        if octets.fold(0, usize::saturating_add) > ROOM {
            return Err("the fields of --header are too long: give at most 6 KiB of them");
        }
        if self.cache.is_some() && self.adds("Cache-Control") {
            return Err("--cache and --header both set Cache-Control: give one of them");
        }
        if self.live && self.cache.is_some() {
            return Err(
                "with --cache, browsers would show what was there before: leave it out with --live",
            );
        }
        Ok(())
    }

    /// The Cache-Control of files; `None` for the usual one.
    pub(super) fn cache_control(&self) -> Option<String> {
        match self.cache {
            Some(seconds) => Some(format!("max-age={seconds}")),
            None if self.adds("Cache-Control") => Some(String::new()),
            None => None,
        }
    }
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("write it like 'X-Robots-Tag: noindex'")?;
    let value = value.trim_matches([' ', '\t']);
    match check_field(name, value) {
        Ok(()) => Ok((name.to_owned(), value.to_owned())),
        Err(EmitError::FramingField) => Err("the server itself says this field"),
        Err(EmitError::Repeated) if name.eq_ignore_ascii_case("Content-Type") => {
            Err("each reply has its own; give --mime the types of files")
        }
        Err(EmitError::Repeated) => Err("it says something of one reply, and can't be in all"),
        Err(_) => Err("a name is of letters, digits and hyphens, and a value has no controls"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_checked() {
        for (text, name, value) in [
            ("X-A:b", "X-A", "b"),
            ("X-A: \tb c: d ", "X-A", "b c: d"),
            ("X-A:", "X-A", ""),
            ("Set-Cookie: a=b; HttpOnly", "Set-Cookie", "a=b; HttpOnly"),
            ("Server: mine", "Server", "mine"),
            ("Vary: Cookie", "Vary", "Cookie"),
        ] {
            assert_eq!(field(text), Ok((name.into(), value.into())), "{text}");
        }
        for text in [
            "",
            "X-A",
            ":b",
            "X A: b",
            " X: b",
            "X-A : b",
            "X-\u{e4}: b",
            "X-A: b\r\nX-B: c",
            "X-A: \0",
            "Content-Length: 1",
            "transfer-encoding: chunked",
            "Connection: close",
            "Date: now",
            "Keep-Alive: a",
            "Upgrade: h2c",
            "Trailer: a",
            "Content-Type: a/b",
            "ETag: \"1\"",
            "Last-Modified: now",
            "Content-Encoding: gzip",
            "Location: /",
        ] {
            assert!(field(text).is_err(), "{text}");
        }
    }
}
