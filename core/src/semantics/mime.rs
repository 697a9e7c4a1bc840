//! The media type of a file, by its extension.

use crate::grammar::media_type::media_type;

/// What is sent for an extension that is not listed.
const UNKNOWN: &str = "application/octet-stream";

/// Extensions in lower case, sorted, with their types.
///
/// Types are those that IANA registers (<https://www.iana.org/assignments/media-types/>), by the
/// extensions that their registrations name and mime-db collects; where there is none, those that
/// browsers expect. Sources of programs are shown as text, whatever else their extension may mean.
/// Text is UTF-8: its types say so, the others know it from their content.
const TYPES: [(&str, &str); 238] = [
    ("3g2", "video/3gpp2"),
    ("3gp", "video/3gpp"),
    ("3mf", "model/3mf"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("adoc", "text/plain; charset=utf-8"),
    ("ai", "application/postscript"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("amr", "audio/AMR"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("asm", "text/plain; charset=utf-8"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bash", "text/plain; charset=utf-8"),
    ("bat", "text/plain; charset=utf-8"),
    ("bib", "text/plain; charset=utf-8"),
    ("bin", "application/octet-stream"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain; charset=utf-8"),
    ("cbor", "application/cbor"),
    ("cc", "text/plain; charset=utf-8"),
    ("cer", "application/pkix-cert"),
    ("cfg", "text/plain; charset=utf-8"),
    ("cjs", "application/node"),
    ("cmake", "text/plain; charset=utf-8"),
    ("conf", "text/plain; charset=utf-8"),
    ("cpp", "text/plain; charset=utf-8"),
    ("crl", "application/pkix-crl"),
    ("crt", "application/x-x509-ca-cert"),
    ("cs", "text/plain; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("cur", "image/vnd.microsoft.icon"),
    ("cxx", "text/plain; charset=utf-8"),
    ("deb", "application/vnd.debian.binary-package"),
    ("der", "application/x-x509-ca-cert"),
    ("diff", "text/plain; charset=utf-8"),
    ("djvu", "image/vnd.djvu"),
    ("dll", "application/vnd.microsoft.portable-executable"),
    ("dmg", "application/x-apple-diskimage"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("dot", "text/vnd.graphviz; charset=utf-8"),
    ("dtd", "application/xml-dtd"),
    ("eml", "message/rfc822"),
    ("eot", "application/vnd.ms-fontobject"),
    ("eps", "application/postscript"),
    ("epub", "application/epub+zip"),
    ("exe", "application/vnd.microsoft.portable-executable"),
    ("f90", "text/plain; charset=utf-8"),
    ("flac", "audio/flac"),
    ("flv", "video/x-flv"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("glb", "model/gltf-binary"),
    ("glsl", "text/plain; charset=utf-8"),
    ("gltf", "model/gltf+json"),
    ("go", "text/plain; charset=utf-8"),
    ("gpx", "application/gpx+xml"),
    ("gradle", "text/plain; charset=utf-8"),
    ("gv", "text/vnd.graphviz; charset=utf-8"),
    ("gz", "application/gzip"),
    ("h", "text/plain; charset=utf-8"),
    ("har", "application/json"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hh", "text/plain; charset=utf-8"),
    ("hpp", "text/plain; charset=utf-8"),
    ("hs", "text/plain; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("ini", "text/plain; charset=utf-8"),
    ("ino", "text/plain; charset=utf-8"),
    ("iso", "application/x-iso9660-image"),
    ("jar", "application/java-archive"),
    ("java", "text/plain; charset=utf-8"),
    ("jfif", "image/jpeg"),
    ("jl", "text/plain; charset=utf-8"),
    ("jp2", "image/jp2"),
    ("jpe", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonl", "application/x-ndjson"),
    ("jsonld", "application/ld+json"),
    ("jsx", "text/plain; charset=utf-8"),
    ("jxl", "image/jxl"),
    ("key", "application/vnd.apple.keynote"),
    ("kml", "application/vnd.google-earth.kml+xml"),
    ("kmz", "application/vnd.google-earth.kmz"),
    ("kt", "text/plain; charset=utf-8"),
    ("ktx2", "image/ktx2"),
    ("less", "text/plain; charset=utf-8"),
    ("lock", "text/plain; charset=utf-8"),
    ("log", "text/plain; charset=utf-8"),
    ("lua", "text/plain; charset=utf-8"),
    ("m", "text/plain; charset=utf-8"),
    ("m2ts", "video/mp2t"),
    ("m3u", "audio/mpegurl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mka", "audio/matroska"),
    ("mkv", "video/matroska"),
    ("mobi", "application/x-mobipocket-ebook"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("mtl", "model/mtl"),
    ("mts", "video/mp2t"),
    ("ndjson", "application/x-ndjson"),
    ("nim", "text/plain; charset=utf-8"),
    ("nt", "application/n-triples"),
    ("numbers", "application/vnd.apple.numbers"),
    ("obj", "model/obj"),
    ("odg", "application/vnd.oasis.opendocument.graphics"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("ogx", "application/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("p12", "application/x-pkcs12"),
    ("p7s", "application/pkcs7-signature"),
    ("pages", "application/vnd.apple.pages"),
    ("parquet", "application/vnd.apache.parquet"),
    ("patch", "text/plain; charset=utf-8"),
    ("pcap", "application/vnd.tcpdump.pcap"),
    ("pdf", "application/pdf"),
    ("pem", "application/x-x509-ca-cert"),
    ("pfx", "application/x-pkcs12"),
    ("php", "text/plain; charset=utf-8"),
    ("pl", "text/plain; charset=utf-8"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("properties", "text/plain; charset=utf-8"),
    ("proto", "text/plain; charset=utf-8"),
    ("ps", "application/postscript"),
    ("ps1", "text/plain; charset=utf-8"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("py", "text/plain; charset=utf-8"),
    ("qt", "video/quicktime"),
    ("r", "text/plain; charset=utf-8"),
    ("rar", "application/vnd.rar"),
    ("rb", "text/plain; charset=utf-8"),
    ("rdf", "application/rdf+xml"),
    ("rpm", "application/x-rpm"),
    ("rs", "text/plain; charset=utf-8"),
    ("rss", "application/rss+xml"),
    ("rst", "text/plain; charset=utf-8"),
    ("rtf", "application/rtf"),
    ("s", "text/plain; charset=utf-8"),
    ("sass", "text/plain; charset=utf-8"),
    ("scala", "text/plain; charset=utf-8"),
    ("scss", "text/plain; charset=utf-8"),
    ("sh", "text/plain; charset=utf-8"),
    ("sig", "application/pgp-signature"),
    ("spx", "audio/ogg"),
    ("sql", "application/sql"),
    ("sqlite", "application/vnd.sqlite3"),
    ("srt", "application/x-subrip"),
    ("step", "model/step"),
    ("stl", "model/stl"),
    ("stp", "model/step"),
    ("svg", "image/svg+xml"),
    ("swf", "application/x-shockwave-flash"),
    ("swift", "text/plain; charset=utf-8"),
    ("tar", "application/x-tar"),
    ("tcl", "text/plain; charset=utf-8"),
    ("tex", "text/plain; charset=utf-8"),
    ("text", "text/plain; charset=utf-8"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "application/toml"),
    ("topojson", "application/json"),
    ("torrent", "application/x-bittorrent"),
    ("ts", "video/mp2t"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("tsx", "text/plain; charset=utf-8"),
    ("ttc", "font/collection"),
    ("ttf", "font/ttf"),
    ("ttl", "text/turtle; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("vue", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wat", "text/plain; charset=utf-8"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("wgsl", "text/wgsl; charset=utf-8"),
    ("wma", "audio/x-ms-wma"),
    ("wmv", "video/x-ms-wmv"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xht", "application/xhtml+xml"),
    ("xhtml", "application/xhtml+xml"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("xpi", "application/x-xpinstall"),
    ("xsd", "application/xml"),
    ("xsl", "application/xslt+xml"),
    ("xslt", "application/xslt+xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zig", "text/plain; charset=utf-8"),
    ("zip", "application/zip"),
    ("zsh", "text/plain; charset=utf-8"),
    ("zst", "application/zstd"),
];

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

/// The Content-Type of a file called `name`, by what follows its last dot, in any case.
pub fn content_type(name: &[u8]) -> &'static str {
    let found = extension(name).and_then(|extension| KEYS.binary_search(&key(extension)).ok());
    found.and_then(|place| TYPES.get(place)).map_or(UNKNOWN, |(_, media_type)| media_type)
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
            ("a.rs", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(content_type(name.as_bytes()), expected, "{name}");
        }
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
