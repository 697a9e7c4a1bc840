//! The media type of a file, by its extension.

use crate::grammar::media_type::media_type;

/// What is sent for an extension that is not listed.
const UNKNOWN: &str = "application/octet-stream";
/// What is sent for text of no other type.
const TEXT: &str = "text/plain; charset=utf-8";

/// Extensions in lower case, sorted, with their types.
///
/// Types are those that IANA registers (<https://www.iana.org/assignments/media-types/>), by the
/// extensions that their registrations name and mime-db collects; where there is none, those that
/// browsers expect. Sources of programs are shown as text, whatever else their extension may mean
/// (`ts` is more often TypeScript than an MPEG transport stream), and scripts are of the type that
/// browsers run.
/// Text is UTF-8: its types say so, the others know it from their content.
const TYPES: [(&str, &str); 320] = [
    ("3g2", "video/3gpp2"),
    ("3gp", "video/3gpp"),
    ("3mf", "model/3mf"),
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("ac", "text/plain; charset=utf-8"),
    ("adoc", "text/plain; charset=utf-8"),
    ("ai", "application/postscript"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("am", "text/plain; charset=utf-8"),
    ("amr", "audio/AMR"),
    ("apk", "application/vnd.android.package-archive"),
    ("apng", "image/apng"),
    ("asm", "text/plain; charset=utf-8"),
    ("astro", "text/plain; charset=utf-8"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("awk", "text/plain; charset=utf-8"),
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
    ("cjs", "text/javascript; charset=utf-8"),
    ("cl", "text/plain; charset=utf-8"),
    ("clj", "text/plain; charset=utf-8"),
    ("cljs", "text/plain; charset=utf-8"),
    ("cmake", "text/plain; charset=utf-8"),
    ("coffee", "text/plain; charset=utf-8"),
    ("conf", "text/plain; charset=utf-8"),
    ("cpp", "text/plain; charset=utf-8"),
    ("crl", "application/pkix-crl"),
    ("crt", "application/x-x509-ca-cert"),
    ("cs", "text/plain; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("cts", "text/plain; charset=utf-8"),
    ("cur", "image/vnd.microsoft.icon"),
    ("cxx", "text/plain; charset=utf-8"),
    ("d", "text/plain; charset=utf-8"),
    ("dart", "text/plain; charset=utf-8"),
    ("deb", "application/vnd.debian.binary-package"),
    ("der", "application/x-x509-ca-cert"),
    ("diff", "text/plain; charset=utf-8"),
    ("djvu", "image/vnd.djvu"),
    ("dll", "application/vnd.microsoft.portable-executable"),
    ("dmg", "application/x-apple-diskimage"),
    ("doc", "application/msword"),
    ("dockerfile", "text/plain; charset=utf-8"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("dot", "text/vnd.graphviz; charset=utf-8"),
    ("dtd", "application/xml-dtd"),
    ("edn", "text/plain; charset=utf-8"),
    ("el", "text/plain; charset=utf-8"),
    ("elm", "text/plain; charset=utf-8"),
    ("eml", "message/rfc822"),
    ("eot", "application/vnd.ms-fontobject"),
    ("eps", "application/postscript"),
    ("epub", "application/epub+zip"),
    ("erl", "text/plain; charset=utf-8"),
    ("ex", "text/plain; charset=utf-8"),
    ("exe", "application/vnd.microsoft.portable-executable"),
    ("exs", "text/plain; charset=utf-8"),
    ("f", "text/plain; charset=utf-8"),
    ("f90", "text/plain; charset=utf-8"),
    ("f95", "text/plain; charset=utf-8"),
    ("fish", "text/plain; charset=utf-8"),
    ("flac", "audio/flac"),
    ("flv", "video/x-flv"),
    ("frag", "text/plain; charset=utf-8"),
    ("fs", "text/plain; charset=utf-8"),
    ("fsx", "text/plain; charset=utf-8"),
    ("gd", "text/plain; charset=utf-8"),
    ("gemspec", "text/plain; charset=utf-8"),
    ("geojson", "application/geo+json"),
    ("gif", "image/gif"),
    ("glb", "model/gltf-binary"),
    ("glsl", "text/plain; charset=utf-8"),
    ("gltf", "model/gltf+json"),
    ("go", "text/plain; charset=utf-8"),
    ("gpx", "application/gpx+xml"),
    ("gradle", "text/plain; charset=utf-8"),
    ("groovy", "text/plain; charset=utf-8"),
    ("gv", "text/vnd.graphviz; charset=utf-8"),
    ("gyp", "text/plain; charset=utf-8"),
    ("gz", "application/gzip"),
    ("h", "text/plain; charset=utf-8"),
    ("har", "application/json"),
    ("hbs", "text/plain; charset=utf-8"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hh", "text/plain; charset=utf-8"),
    ("hpp", "text/plain; charset=utf-8"),
    ("hrl", "text/plain; charset=utf-8"),
    ("hs", "text/plain; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("hx", "text/plain; charset=utf-8"),
    ("hxx", "text/plain; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("inc", "text/plain; charset=utf-8"),
    ("ini", "text/plain; charset=utf-8"),
    ("inl", "text/plain; charset=utf-8"),
    ("ino", "text/plain; charset=utf-8"),
    ("iso", "application/x-iso9660-image"),
    ("ixx", "text/plain; charset=utf-8"),
    ("j2", "text/plain; charset=utf-8"),
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
    ("json5", "text/plain; charset=utf-8"),
    ("jsonc", "text/plain; charset=utf-8"),
    ("jsonl", "application/x-ndjson"),
    ("jsonld", "application/ld+json"),
    ("jsx", "text/plain; charset=utf-8"),
    ("jxl", "image/jxl"),
    ("key", "application/vnd.apple.keynote"),
    ("kml", "application/vnd.google-earth.kml+xml"),
    ("kmz", "application/vnd.google-earth.kmz"),
    ("kt", "text/plain; charset=utf-8"),
    ("kts", "text/plain; charset=utf-8"),
    ("ktx2", "image/ktx2"),
    ("ld", "text/plain; charset=utf-8"),
    ("less", "text/plain; charset=utf-8"),
    ("lhs", "text/plain; charset=utf-8"),
    ("lisp", "text/plain; charset=utf-8"),
    ("ll", "text/plain; charset=utf-8"),
    ("lock", "text/plain; charset=utf-8"),
    ("log", "text/plain; charset=utf-8"),
    ("lua", "text/plain; charset=utf-8"),
    ("m", "text/plain; charset=utf-8"),
    ("m2ts", "video/mp2t"),
    ("m3u", "audio/mpegurl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4", "text/plain; charset=utf-8"),
    ("m4a", "audio/mp4"),
    ("m4b", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("m4v", "video/mp4"),
    ("mak", "text/plain; charset=utf-8"),
    ("make", "text/plain; charset=utf-8"),
    ("map", "application/json"),
    ("markdown", "text/markdown; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mid", "audio/midi"),
    ("midi", "audio/midi"),
    ("mjml", "text/plain; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mk", "text/plain; charset=utf-8"),
    ("mka", "audio/matroska"),
    ("mkv", "video/matroska"),
    ("ml", "text/plain; charset=utf-8"),
    ("mli", "text/plain; charset=utf-8"),
    ("mm", "text/plain; charset=utf-8"),
    ("mobi", "application/x-mobipocket-ebook"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("mtl", "model/mtl"),
    ("mts", "text/plain; charset=utf-8"),
    ("ndjson", "application/x-ndjson"),
    ("nim", "text/plain; charset=utf-8"),
    ("nix", "text/plain; charset=utf-8"),
    ("nt", "application/n-triples"),
    ("nu", "text/plain; charset=utf-8"),
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
    ("pas", "text/plain; charset=utf-8"),
    ("patch", "text/plain; charset=utf-8"),
    ("pcap", "application/vnd.tcpdump.pcap"),
    ("pdf", "application/pdf"),
    ("pem", "application/x-x509-ca-cert"),
    ("pfx", "application/x-pkcs12"),
    ("php", "text/plain; charset=utf-8"),
    ("pl", "text/plain; charset=utf-8"),
    ("pm", "text/plain; charset=utf-8"),
    ("png", "image/png"),
    ("po", "text/plain; charset=utf-8"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("prisma", "text/plain; charset=utf-8"),
    ("properties", "text/plain; charset=utf-8"),
    ("proto", "text/plain; charset=utf-8"),
    ("ps", "application/postscript"),
    ("ps1", "text/plain; charset=utf-8"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("pug", "text/plain; charset=utf-8"),
    ("py", "text/plain; charset=utf-8"),
    ("pyi", "text/plain; charset=utf-8"),
    ("pyw", "text/plain; charset=utf-8"),
    ("pyx", "text/plain; charset=utf-8"),
    ("qt", "video/quicktime"),
    ("r", "text/plain; charset=utf-8"),
    ("rake", "text/plain; charset=utf-8"),
    ("rar", "application/vnd.rar"),
    ("rb", "text/plain; charset=utf-8"),
    ("rdf", "application/rdf+xml"),
    ("rkt", "text/plain; charset=utf-8"),
    ("rpm", "application/x-rpm"),
    ("rs", "text/plain; charset=utf-8"),
    ("rss", "application/rss+xml"),
    ("rst", "text/plain; charset=utf-8"),
    ("rtf", "application/rtf"),
    ("s", "text/plain; charset=utf-8"),
    ("sass", "text/plain; charset=utf-8"),
    ("sbt", "text/plain; charset=utf-8"),
    ("scala", "text/plain; charset=utf-8"),
    ("scm", "text/plain; charset=utf-8"),
    ("scss", "text/plain; charset=utf-8"),
    ("sh", "text/plain; charset=utf-8"),
    ("sig", "application/pgp-signature"),
    ("sol", "text/plain; charset=utf-8"),
    ("spx", "audio/ogg"),
    ("sql", "application/sql"),
    ("sqlite", "application/vnd.sqlite3"),
    ("srt", "application/x-subrip"),
    ("step", "model/step"),
    ("stl", "model/stl"),
    ("stp", "model/step"),
    ("sty", "text/plain; charset=utf-8"),
    ("styl", "text/plain; charset=utf-8"),
    ("sv", "text/plain; charset=utf-8"),
    ("svelte", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("svh", "text/plain; charset=utf-8"),
    ("swf", "application/x-shockwave-flash"),
    ("swift", "text/plain; charset=utf-8"),
    ("tar", "application/x-tar"),
    ("tcl", "text/plain; charset=utf-8"),
    ("tex", "text/plain; charset=utf-8"),
    ("text", "text/plain; charset=utf-8"),
    ("tf", "text/plain; charset=utf-8"),
    ("tfvars", "text/plain; charset=utf-8"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("tmpl", "text/plain; charset=utf-8"),
    ("toml", "application/toml"),
    ("topojson", "application/json"),
    ("torrent", "application/x-bittorrent"),
    ("tpl", "text/plain; charset=utf-8"),
    ("ts", "text/plain; charset=utf-8"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("tsx", "text/plain; charset=utf-8"),
    ("ttc", "font/collection"),
    ("ttf", "font/ttf"),
    ("ttl", "text/turtle; charset=utf-8"),
    ("twig", "text/plain; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("usdz", "model/vnd.usdz+zip"),
    ("v", "text/plain; charset=utf-8"),
    ("vb", "text/plain; charset=utf-8"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("vert", "text/plain; charset=utf-8"),
    ("vhd", "text/plain; charset=utf-8"),
    ("vhdl", "text/plain; charset=utf-8"),
    ("vim", "text/plain; charset=utf-8"),
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

/// Names of text files without an extension, in lower case.
const NAMES: [&str; 38] = [
    "authors",
    "brewfile",
    "caddyfile",
    "changelog",
    "changes",
    "codeowners",
    "containerfile",
    "contributing",
    "contributors",
    "copying",
    "copyright",
    "credits",
    "dockerfile",
    "gemfile",
    "gnumakefile",
    "history",
    "install",
    "jenkinsfile",
    "justfile",
    "kbuild",
    "kconfig",
    "licence",
    "license",
    "maintainers",
    "makefile",
    "manifest",
    "news",
    "notes",
    "notice",
    "patents",
    "procfile",
    "rakefile",
    "readme",
    "security",
    "thanks",
    "todo",
    "unlicense",
    "vagrantfile",
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
