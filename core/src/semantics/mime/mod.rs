//! The media type of a file, by its extension.

mod types;

use crate::bytes::ascii::trim_ows_end;
use crate::grammar::media_type::media_type;
use types::{NAMES, TYPES};

/// What is sent for an extension that is not listed.
const UNKNOWN: &str = "application/octet-stream";
/// What is sent for text of no other type.
const TEXT: &str = "text/plain; charset=utf-8";

/// What [`TYPES`] are searched by: each extension as a number, so that one comparison takes all of its
/// octets.
static KEYS: [u128; TYPES.len()] = {
    let mut keys = [0; TYPES.len()];
    let mut place = 0;
    while place < keys.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            keys[place] = key(TYPES[place].0.as_bytes());
        }
        place += 1;
    }
    keys
};

/// An extension as a number, in any case, sorted like the octets, and its length behind them; 0,
/// which is none, for one of more than fifteen.
const fn key(mut extension: &[u8]) -> u128 {
    let mut key = extension.len() as u128;
    let mut room = 128;
    while let [octet, rest @ ..] = extension {
        room -= 8;
        if room == 0 {
            return 0;
        }
        key |= (octet.to_ascii_lowercase() as u128) << room;
        extension = rest;
    }
    key
}

/// The Content-Type of a file called `name`: by what follows its last dot, in any case; or, without
/// one, text if it is a usual name of a text file (`README`, `Makefile`, `LICENSE-MIT`).
///
/// What neither says is `application/octet-stream`, whatever the file holds: who can write a file of
/// any name shouldn't be able to make it run as a page or a script by what is in it. Replies say
/// `nosniff` for the same reason.
///
/// ```
/// use thimble_core::semantics::mime::content_type;
///
/// assert_eq!(content_type(b"app.MJS"), "text/javascript; charset=utf-8");
/// assert_eq!(content_type(b"README"), "text/plain; charset=utf-8");
/// assert_eq!(content_type(b"firmware"), "application/octet-stream");
/// ```
pub fn content_type(name: &[u8]) -> &'static str {
    let Some(extension) = extension(name) else {
        return if is_text_by_name(name) { TEXT } else { UNKNOWN };
    };
    let found = KEYS.binary_search(&key(extension)).ok();
    found.and_then(|place| TYPES.get(place)).map_or(UNKNOWN, |(_, media_type)| media_type)
}

/// Whether a name without a dot is one of [`NAMES`], or one of those and a hyphen before anything.
fn is_text_by_name(name: &[u8]) -> bool {
    let stem = name.split(|&octet| octet == b'-').next().unwrap_or_default();
    NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(stem))
}

/// What `own` types say of a file called `name`: pairs of an extension, in any case, and its
/// Content-Type. The last of those that fit is taken.
///
/// ```
/// use thimble_core::semantics::mime::own_type_of;
///
/// let own = [("glb", "model/gltf-binary"), ("txt", "text/plain; charset=iso-8859-1")];
/// assert_eq!(own_type_of(&own, b"a.TXT"), Some("text/plain; charset=iso-8859-1"));
/// assert_eq!(own_type_of(&own, b"a.css"), None);
/// ```
pub fn own_type_of<'t>(
    own: &'t [(impl AsRef<str>, impl AsRef<str>)],
    name: &[u8],
) -> Option<&'t str> {
    let extension = extension(name)?;
    let fits = |own: &str| own.as_bytes().eq_ignore_ascii_case(extension);
    let mut fitting = own.iter().rev().filter(|(own, _)| fits(own.as_ref()));
    fitting.next().map(|(_, content_type)| content_type.as_ref())
}

/// The extension and the Content-Type of which somebody writes `EXT=TYPE`, or `.EXT=TYPE`. `None` if
/// no name can end so, or the type is none (RFC 9110 §8.3.1).
///
/// ```
/// use thimble_core::semantics::mime::own_type;
///
/// assert_eq!(own_type("glb=model/gltf-binary"), Some(("glb", "model/gltf-binary")));
/// assert_eq!(own_type("glb=gltf"), None);
/// ```
pub fn own_type(text: &str) -> Option<(&str, &str)> {
    let (extension, content_type) = text.split_once('=')?;
    let extension = extension.strip_prefix('.').unwrap_or(extension);
    let is_extension = !extension.is_empty() && !extension.contains(['.', '/', '\0']);
    let is_type =
        content_type.trim_ascii() == content_type && media_type(content_type.as_bytes()).is_some();
    (is_extension && is_type).then_some((extension, content_type))
}

/// What follows the last dot of a name.
fn extension(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().rposition(|&octet| octet == b'.')?;
    name.get(dot + 1..)
}

/// Whether files of a Content-Type become much smaller by a content coding: text of all kinds, and what
/// else isn't packed already.
///
/// ```
/// use thimble_core::semantics::mime::is_compressible;
///
/// assert!(is_compressible("text/html; charset=utf-8"));
/// assert!(is_compressible("image/svg+xml"));
/// assert!(!is_compressible("image/png"));
/// ```
pub fn is_compressible(content_type: &str) -> bool {
    // Neither has a suffix that says so.
    const OTHERS: [&str; 16] = [
        "application/javascript",
        "application/json",
        "application/n-triples",
        "application/rtf",
        "application/sql",
        "application/toml",
        "application/vnd.apple.mpegurl",
        "application/wasm",
        "application/x-ndjson",
        "application/x-subrip",
        "application/xml",
        "application/xml-dtd",
        "application/yaml",
        "font/collection",
        "font/otf",
        "font/ttf",
    ];
    // What most other files are, which is told at once.
    const PACKED: [&str; 4] = [UNKNOWN, "image/jpeg", "image/png", "image/webp"];
    if PACKED.contains(&content_type) {
        return false;
    }
    let octets = content_type.as_bytes();
    if octets.first_chunk().is_some_and(|begin: &[u8; 5]| is_same(begin, b"text/")) {
        return true;
    }
    let essence = content_type.split_once(';').map_or(octets, |(essence, _)| essence.as_bytes());
    let essence = trim_ows_end(essence);
    essence.last_chunk().is_some_and(|end: &[u8; 4]| is_same(end, b"+xml"))
        || essence.last_chunk().is_some_and(|end: &[u8; 5]| is_same(end, b"+json"))
        || OTHERS.iter().any(|other| other.as_bytes().eq_ignore_ascii_case(essence))
}

/// Whether all octets are the same, in any case.
fn is_same<const N: usize>(octets: &[u8; N], lower: &[u8; N]) -> bool {
    octets.map(|octet| octet.to_ascii_lowercase()) == *lower
}

/// Whether a Content-Type is HTML.
pub fn is_html(content_type: &str) -> bool {
    content_type.starts_with("text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_sorted_and_found_in_any_case() {
        assert!(TYPES.is_sorted_by(|a, b| a.0 < b.0));
        for (extension, media_type) in TYPES {
            let name = std::format!("a.b.{}", extension.to_uppercase());
            assert_eq!(content_type(name.as_bytes()), media_type);
        }
        assert_eq!(content_type(b"html"), UNKNOWN);
        assert_eq!(content_type(b""), UNKNOWN);
        assert_eq!(content_type(b"a."), UNKNOWN);
        assert_eq!(content_type(b"a.htmlx"), UNKNOWN);
        assert_eq!(content_type(b"a.html\0"), UNKNOWN);
    }

    #[test]
    fn types_are_types_and_text_alone_says_its_charset() {
        for (extension, content_type) in TYPES {
            let parsed = media_type(content_type.as_bytes()).map(|it| (it.kind, it.subtype));
            let (kind, subtype) = parsed.unwrap();
            let [kind, subtype] = [kind, subtype].map(|part| str::from_utf8(part).unwrap());
            let charset = if kind == "text" { "; charset=utf-8" } else { "" };
            assert_eq!(content_type, std::format!("{kind}/{subtype}{charset}"), "{extension}");
        }
    }

    #[test]
    fn registered_types_are_used() {
        for (name, expected) in [
            ("a.js", "text/javascript; charset=utf-8"),     // RFC 9239
            ("a.wasm", "application/wasm"),                 // W3C, WebAssembly Core
            ("a.webmanifest", "application/manifest+json"), // W3C, Web Application Manifest
            ("a.vtt", "text/vtt; charset=utf-8"),           // W3C, WebVTT
            ("a.woff2", "font/woff2"),                      // RFC 8081
            ("a.avif", "image/avif"),                       // AOMedia, AVIF
            ("a.webp", "image/webp"),                       // RFC 9649
            ("a.svg", "image/svg+xml"),                     // W3C, SVG
            ("a.yml", "application/yaml"),                  // RFC 9512
            ("a.flac", "audio/flac"),                       // RFC 9639
            ("a.mkv", "video/matroska"),                    // RFC 9559
            ("a.tar.gz", "application/gzip"),               // RFC 6713
            ("a.zst", "application/zstd"),                  // RFC 8878
            ("a.glb", "model/gltf-binary"),                 // Khronos, glTF
            ("a.epub", "application/epub+zip"),             // W3C, EPUB
            ("a.ics", "text/calendar; charset=utf-8"),      // RFC 5545
            ("a.rs", TEXT),
            ("a.cjs", "text/javascript; charset=utf-8"),
            ("a.ts", TEXT),
            ("a.d.mts", TEXT),
            ("a.m2ts", "video/mp2t"),
        ] {
            assert_eq!(content_type(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn text_is_compressible_and_what_is_packed_is_not() {
        for (content_type, expected) in [
            ("text/html; charset=utf-8", true),
            ("TEXT/CSS", true),
            ("text/javascript", true),
            ("application/json", true),
            ("application/json ; a=b", true),
            ("application/manifest+json", true),
            ("application/xhtml+XML", true),
            ("image/svg+xml", true),
            ("application/wasm", true),
            ("font/ttf", true),
            ("model/gltf+json", true),
            ("image/png", false),
            ("image/jpeg", false),
            ("font/woff2", false),
            ("video/mp4", false),
            ("application/zip", false),
            ("application/gzip", false),
            ("application/zstd", false),
            ("application/epub+zip", false),
            ("application/pdf", false),
            ("application/octet-stream", false),
            ("textual/a", false),
            ("text", false),
            ("+xml", true),
            ("xml", false),
            ("", false),
        ] {
            assert_eq!(is_compressible(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn usual_names_are_those_of_text() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().all(|name| *name == name.to_lowercase()));
        for name in ["README", "readme", "Makefile", "Dockerfile", "LICENSE-MIT", "COPYING"] {
            assert_eq!(content_type(name.as_bytes()), TEXT, "{name}");
        }
        for name in ["READMES", "MIT-LICENSE", "a", "-", "README.", "readme.unknown"] {
            assert_eq!(content_type(name.as_bytes()), UNKNOWN, "{name}");
        }
        assert_eq!(content_type(b"readme.html"), "text/html; charset=utf-8");
    }

    #[test]
    fn own_types_go_before() {
        let own = [("foo", "a/b"), ("CSS", "a/c"), ("css", "a/d")];
        for (name, expected) in [
            ("a.foo", Some("a/b")),
            ("a.FOO", Some("a/b")),
            ("a.css", Some("a/d")),
            ("a.js", None),
            ("foo", None),
            ("a.foo.", None),
        ] {
            assert_eq!(own_type_of(&own, name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn own_types_are_types_of_extensions() {
        assert_eq!(own_type(".a=b/c; d=\"=\""), Some(("a", "b/c; d=\"=\"")));
        for text in
            ["", "a", "=b/c", ".=b/c", "a.b=c/d", "a/b=c/d", "a=", "a=b", "a= b/c", "a=b/c\r\nd: e"]
        {
            assert_eq!(own_type(text), None, "{text}");
        }
    }
}
