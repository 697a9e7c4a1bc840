//! The layers of core: each folder uses only those before it, and the lower ones know no I/O.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::slice::Iter;

/// The folders of core, each of which may use those before it.
const LAYERS: [&str; 10] = [
    "bytes",
    "grammar",
    "fast",
    "message",
    "semantics",
    "framing",
    "server",
    "service",
    "gateway",
    "testing",
];

/// The last layer that has no I/O.
const LAST_PURE: &str = "framing";

/// The only layer that sees nom.
const PARSERS: &str = "grammar";

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
        ("message", "use nom::Parser;"),
        ("server", "use nom :: Parser;"),
        ("framing", "pub async fn receive() {}"),
        ("bytes", "use embedded_io::Read;"),
        ("semantics", "fn f() -> impl embedded_io_async::Read {}"),
    ] {
        assert_eq!(faults_of(layer, source).len(), 1, "{layer}: {source}");
    }
    for (layer, source) in [
        ("bytes", "use crate::bytes::scan; use super::scan;"),
        ("service", "use crate::server::Exchange; use crate::bytes::{ascii, scan};"),
        ("grammar", "use nom::Parser;"),
        ("server", "pub async fn serve(x: embedded_io::ErrorKind) {} // nom"),
        ("bytes", "//! Unlike crate::server, nothing async is here, and no embedded_io::Read."),
        ("framing", "let nominal = asynchronous;"),
    ] {
        assert_eq!(faults_of(layer, source), Vec::<String>::new(), "{layer}: {source}");
    }
}

#[test]
fn files_of_a_layer_import_no_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("core").join("src");
    for layer in LAYERS {
        let modules = sources(&root.join(layer)).into_iter().map(|path| {
            let module = path.strip_prefix(&root).unwrap().with_extension("");
            let names = module.iter().map(|name| name.to_str().unwrap().to_owned());
            (names.filter(|name| name != "mod").collect(), fs::read_to_string(&path).unwrap())
        });
        let circle = circle_of(&modules.collect());
        assert!(circle.is_empty(), "{layer}: {circle:?}");
    }
}

#[test]
fn circles_are_found() {
    for (is_circle, a, b, root) in [
        (true, "use super::b::B;", "use super::a::A;", ""),
        (true, "use super::{c::C, b::{self, B}};", "fn f() { crate::l::a::f() }", ""),
        (true, "use super::B;", "", "pub use b::B; pub use a::A;"),
        (true, "use crate::l::{B, D};", "", "mod b; use self::{a::A, b::B};"),
        (false, "use super::b::B;", "// use super::a::A;", "pub mod a; pub use a::A;"),
        (false, "use super::b::B;", "#[cfg(test)]\nmod tests { use super::a::A; }", ""),
        (false, "use crate::k::a::A;", "use super::a::A;", ""),
    ] {
        let module = |name: &str| vec!["l".to_owned(), name.to_owned()];
        let modules = [(module("a"), a), (module("b"), b), (vec!["l".to_owned()], root)];
        let modules = modules.map(|(module, source)| (module, source.to_owned())).into();
        assert_eq!(!circle_of(&modules).is_empty(), is_circle, "{a} {b} {root}");
    }
}

type Module = Vec<String>;

/// The modules of a layer that import each other in a circle, or lead to one.
fn circle_of(sources: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let imports = sources.iter().map(|(module, source)| {
        let found = imports_of(module, source, &|path| sources.contains_key(path));
        (module.clone(), found)
    });
    let mut imports: BTreeMap<Module, BTreeSet<Module>> = imports.collect();
    // What imports nothing that is left is in no circle.
    while let Some(module) = imports
        .iter()
        .find(|(_, found)| !found.iter().any(|other| imports.contains_key(other)))
        .map(|(module, _)| module.clone())
    {
        imports.remove(&module);
    }
    imports.into_keys().collect()
}

/// The modules that the source of `module` imports from, its tests left out.
fn imports_of(
    module: &Module,
    source: &str,
    is_module: &dyn Fn(&Module) -> bool,
) -> BTreeSet<Module> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let words = words(code);
    let mut found = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        let is =
            |at: Option<usize>| at.and_then(|at| words.get(at)).is_some_and(|word| word == "::");
        if !is(index.checked_add(1)) || is(index.checked_sub(1)) {
            continue;
        }
        let child = [module.as_slice(), std::slice::from_ref(word)].concat();
        let start = match word.as_str() {
            "crate" => Vec::new(),
            "self" => module.clone(),
            "super" => module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default(),
            _ if is_module(&child) => child,
            _ => continue,
        };
        let mut rest = words.get(index.saturating_add(2)..).unwrap_or_default().iter().peekable();
        follow(start, &mut rest, is_module, &mut found);
    }
    found.remove(module);
    found
}

/// Adds the modules that a path leads to, of which `rest` has not been followed yet.
fn follow(
    mut place: Module,
    rest: &mut Peekable<Iter<'_, String>>,
    is_module: &dyn Fn(&Module) -> bool,
    found: &mut BTreeSet<Module>,
) {
    while let Some(word) = rest.next() {
        match word.as_str() {
            "{" => {
                while rest.peek().is_some_and(|next| *next != "}") {
                    follow(place.clone(), rest, is_module, found);
                    rest.next_if(|next| *next == ",");
                }
                rest.next();
                return;
            }
            "self" => {}
            "super" => drop(place.pop()),
            name => place.push(name.to_owned()),
        }
        if rest.next_if(|next| *next == "::").is_none() {
            break;
        }
    }
    while !place.is_empty() && !is_module(&place) {
        place.pop();
    }
    found.insert(place);
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
            "nom" if next(1) == "::" && layer != PARSERS => "it uses nom".to_owned(),
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
