//! The layers of core: each folder uses only those before it, and the lower ones know no I/O.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of core, each of which may use those before it.
const LAYERS: [&str; 8] =
    ["bytes", "grammar", "message", "semantics", "framing", "server", "service", "testing"];

/// The last layer that has no I/O.
const LAST_PURE: &str = "framing";

#[test]
fn core_keeps_to_its_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("core").join("src");
    let mut faults = Vec::new();
    for layer in LAYERS {
        let sources = sources(&root.join(layer));
        assert!(!sources.is_empty(), "{layer} is empty");
        for path in sources {
            let found = faults_of(layer, &fs::read_to_string(&path).unwrap());
            faults.extend(found.iter().map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let mut others = sources(&root);
    others.retain(|path| !LAYERS.iter().any(|layer| path.starts_with(root.join(layer))));
    assert_eq!(others, [root.join("lib.rs")], "what is in no layer is not looked at");
}

#[test]
fn faults_are_found() {
    for (layer, source) in [
        ("bytes", "use crate::grammar::token;"),
        ("message", "    let x = crate::framing::length::body_length(facts);"),
        ("framing", "use crate::{bytes, server};"),
        ("framing", "use crate::\n    server::Exchange;"),
        ("server", "pub use crate::service::Site;"),
        ("server", "use crate::Site;"),
        ("grammar", "use super::super::message::Head;"),
        ("framing", "pub async fn receive() {}"),
        ("bytes", "use embedded_io::Read;"),
        ("semantics", "fn f() -> impl embedded_io_async::Read {}"),
    ] {
        assert_eq!(faults_of(layer, source).len(), 1, "{layer}: {source}");
    }
    for (layer, source) in [
        ("bytes", "use crate::bytes::scan; use super::scan;"),
        ("service", "use crate::server::Exchange; use crate::bytes::{ascii, scan};"),
        ("server", "pub async fn serve(x: embedded_io::ErrorKind) {} // async"),
        ("bytes", "//! Unlike crate::server, nothing async is here, and no embedded_io::Read."),
        ("framing", "let nominal = asynchronous;"),
    ] {
        assert_eq!(faults_of(layer, source), Vec::<String>::new(), "{layer}: {source}");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources
}

/// What `source` uses that the layer it belongs to may not.
fn faults_of(layer: &str, source: &str) -> Vec<String> {
    let words = words(source);
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let is_pure = place(layer) <= place(LAST_PURE);
    let mut faults = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let next = |count: usize| words.get(index.saturating_add(count)).map_or("", String::as_str);
        let leads_down = |name: &str| place(name).is_some_and(|found| Some(found) > place(layer));
        let fault = match word.as_str() {
            "crate" if next(1) == "::" && place(next(2)).is_none() => {
                format!("crate::{} names no layer", next(2))
            }
            "crate" | "super" if next(1) == "::" && leads_down(next(2)) => {
                format!("it uses {}, which stands on it", next(2))
            }
            "async" if is_pure => "it is async".to_owned(),
            "embedded_io" | "embedded_io_async" if is_pure => format!("it uses {word}"),
            _ => continue,
        };
        faults.push(fault);
    }
    faults
}

/// The words and signs of `source`, comments left out.
fn words(source: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for line in source.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut last_is_word = false;
        for c in code.chars() {
            let is_word = c.is_alphanumeric() || c == '_';
            match words.last_mut() {
                Some(word) if is_word && last_is_word => word.push(c),
                Some(colon) if c == ':' && colon == ":" => colon.push(c),
                _ if c.is_whitespace() => {}
                _ => words.push(c.to_string()),
            }
            last_is_word = is_word;
        }
    }
    words
}
