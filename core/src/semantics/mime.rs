//! The media type of a file, by its extension.

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
    let Some(dot) = name.iter().rposition(|&octet| octet == b'.') else { return UNKNOWN };
    let extension = name.get(dot + 1..).unwrap_or_default();
    let lower = || extension.iter().map(u8::to_ascii_lowercase);
    let found = TYPES.binary_search_by(|(known, _)| known.bytes().cmp(lower()));
    found.ok().and_then(|index| TYPES.get(index)).map_or(UNKNOWN, |(_, media_type)| media_type)
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
}
