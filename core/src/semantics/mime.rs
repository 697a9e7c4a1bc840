//! The media type of a file, by its extension.

use crate::grammar::media_type::media_type;

/// What is sent for an extension that is not listed.
const UNKNOWN: &str = "application/octet-stream";

/// Extensions in lower case, sorted, with their types as IANA registers them and browsers expect.
const TYPES: [(&str, &str); 44] = [
    ("aac", "audio/aac"),
    ("apng", "image/apng"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// The Content-Type of a file called `name`, by what follows its last dot, in any case.
pub fn content_type(name: &[u8]) -> &'static str {
    let Some(extension) = extension(name) else { return UNKNOWN };
    let lower = || extension.iter().map(u8::to_ascii_lowercase);
    let found = TYPES.binary_search_by(|(known, _)| known.bytes().cmp(lower()));
    found.ok().and_then(|index| TYPES.get(index)).map_or(UNKNOWN, |(_, media_type)| media_type)
}

/// The same, but where `own` types say otherwise: pairs of an extension, in any case, and its
/// Content-Type. The last of those that fit is taken.
///
/// ```
/// use thimble_core::semantics::mime::content_type_with;
///
/// let own = [("glb", "model/gltf-binary"), ("txt", "text/plain; charset=iso-8859-1")];
/// assert_eq!(content_type_with(&own, b"a.TXT"), "text/plain; charset=iso-8859-1");
/// assert_eq!(content_type_with(&own, b"a.css"), "text/css; charset=utf-8");
/// ```
pub fn content_type_with<'t>(
    own: &'t [(impl AsRef<str>, impl AsRef<str>)],
    name: &[u8],
) -> &'t str {
    let extension = extension(name).unwrap_or_default();
    let mut fitting =
        own.iter().rev().filter(|(own, _)| own.as_ref().as_bytes().eq_ignore_ascii_case(extension));
    fitting.next().map_or_else(|| content_type(name), |(_, content_type)| content_type.as_ref())
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
        assert_eq!(content_type(b"a."), UNKNOWN);
        assert_eq!(content_type(b"a.htmlx"), UNKNOWN);
    }

    #[test]
    fn own_types_go_before() {
        let own = [("foo", "a/b"), ("CSS", "a/c"), ("css", "a/d")];
        for (name, expected) in [
            ("a.foo", "a/b"),
            ("a.FOO", "a/b"),
            ("a.css", "a/d"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("foo", UNKNOWN),
            ("a.foo.", UNKNOWN),
        ] {
            assert_eq!(content_type_with(&own, name.as_bytes()), expected, "{name}");
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
