//! From an image to the source of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use thimble_core::Image;
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::image::{Child, Directory, File, Kind, Representation};
use thimble_core::service::place::Place;

use crate::Error;

/// Writes the source of `image` to `file`, and all contents to the folder `contents` beside it.
pub(crate) fn write(image: &Image, file: &Path, contents: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(contents) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::of("clear the folder", contents, &error));
        }
        _ => {}
    }
    fs::create_dir_all(contents).map_err(|error| Error::of("make the folder", contents, &error))?;
    let numbers = numbers(image);
    for (content, number) in &numbers {
        let path = contents.join(number.to_string());
        fs::write(&path, content).map_err(|error| Error::of("write", &path, &error))?;
    }
    // The macros find what is beside the source by its name alone.
    let folder = contents.file_name().unwrap_or_default().to_string_lossy();
    let source = source(image, &numbers, &folder);
    fs::write(file, source).map_err(|error| Error::of("write", file, &error))
}

/// Each content of the image and its number, in the order in which they come.
fn numbers(image: &Image) -> BTreeMap<&'static [u8], usize> {
    let mut numbers = BTreeMap::new();
    for file in image.directories().iter().flat_map(|directory| directory.children).filter_map(file)
    {
        for representation in [&file.identity].into_iter().chain(file.coded) {
            let next = numbers.len();
            numbers.entry(representation.content).or_insert(next);
        }
    }
    numbers
}

fn file(child: &'static Child) -> Option<&'static File> {
    match &child.kind {
        Kind::File(file) => Some(file),
        Kind::Directory { .. } => None,
    }
}

/// What every source begins with. An image without files, or without times, doesn't use all of it.
const HEAD: &str = "\
// Made by thimble-image. Changes are lost when it is made anew.
{
    #[allow(unused_imports)]
    use ::thimble_core::{
        grammar::date::UnixTime,
        semantics::negotiate::Coding,
        service::image::{Child, Directory, File, Image, Kind, Representation},
        service::place::Place,
    };";

/// An expression whose value is the image.
fn source(image: &Image, numbers: &BTreeMap<&[u8], usize>, folder: &str) -> String {
    let mut lines = vec![HEAD.to_owned()];
    for number in 0..numbers.len() {
        let path = format!("{folder}/{number}");
        lines.push(format!("    const CONTENT_{number}: &[u8] = include_bytes!({path:?});"));
    }
    lines.push("    Image::new(&[".to_owned());
    for Directory { children, listed } in image.directories() {
        lines.push("        Directory {\n            children: &[".to_owned());
        for Child { name, is_link, kind } in *children {
            let (name, kind) = (name.escape_ascii(), self::kind(kind, numbers));
            let child = format!("Child {{ name: b\"{name}\", is_link: {is_link}, kind: {kind} }}");
            lines.push(format!("                {child},"));
        }
        lines.push(format!("            ],\n            listed: &{listed:?},\n        }},"));
    }
    lines.push("    ])\n}\n".to_owned());
    lines.join("\n")
}

fn kind(kind: &Kind, numbers: &BTreeMap<&[u8], usize>) -> String {
    match kind {
        Kind::Directory { index, modified } => {
            format!("Kind::Directory {{ index: {index}, modified: {} }}", time(*modified))
        }
        Kind::File(File { content_type, identity, coded, form_place }) => {
            let identity = representation(identity, numbers);
            let coded: Vec<_> = coded.iter().map(|coded| representation(coded, numbers)).collect();
            let coded = coded.join(", ");
            format!(
                "Kind::File(File {{ content_type: {content_type:?}, identity: {identity}, \
                 coded: &[{coded}], form_place: {} }})",
                place(*form_place)
            )
        }
    }
}

fn representation(one: &Representation, numbers: &BTreeMap<&[u8], usize>) -> String {
    let Representation { coding, content, etag, modified } = one;
    let number = numbers.get(content).copied().unwrap_or_default();
    let modified = time(*modified);
    format!(
        "Representation {{ coding: Coding::{coding:?}, content: CONTENT_{number}, \
         etag: {etag:?}, modified: {modified} }}"
    )
}

fn place(place: Option<&Place>) -> String {
    match place {
        Some(Place { at, replaced }) => {
            format!("Some(&Place {{ at: {}, replaced: {replaced} }})", in_thousands(*at))
        }
        None => "None".to_owned(),
    }
}

fn time(modified: Option<UnixTime>) -> String {
    match modified {
        Some(UnixTime(seconds)) => format!("Some(UnixTime({}))", in_thousands(seconds)),
        None => "None".to_owned(),
    }
}

/// A number with its digits in groups of three, as clippy likes them in sources.
fn in_thousands(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{}_{:03}", in_thousands(number / 1000), number % 1000),
    }
}
