//! From an image to the source of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use thimble_core::Image;
use thimble_core::grammar::date::UnixTime;
use thimble_core::service::image::{Child, Directory, File, Kind, Representation};

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
    };
";

/// An expression whose value is the image.
fn source(image: &Image, numbers: &BTreeMap<&[u8], usize>, folder: &str) -> String {
    let mut source = HEAD.to_owned();
    let mut add = |line: std::fmt::Arguments<'_>| {
        // A string takes whatever is written to it.
        let _ = source.write_fmt(line);
    };
    for number in 0..numbers.len() {
        let path = format!("{folder}/{number}");
        add(format_args!("    const CONTENT_{number}: &[u8] = include_bytes!({path:?});\n"));
    }
    add(format_args!("    const DIRECTORIES: &[Directory] = &[\n"));
    for Directory { children, listed } in image.directories() {
        add(format_args!("        Directory {{\n            children: &[\n"));
        for Child { name, is_link, kind } in *children {
            add(format_args!(
                "                Child {{\n                    \
                 name: b\"{}\",\n                    is_link: {is_link},\n                    ",
                name.escape_ascii()
            ));
            match kind {
                Kind::Directory { index, modified } => add(format_args!(
                    "kind: Kind::Directory {{ index: {index}, modified: {} }},\n",
                    time(*modified)
                )),
                Kind::File(File { content_type, identity, coded }) => {
                    add(format_args!(
                        "kind: Kind::File(File {{\n                        \
                         content_type: {content_type:?},\n                        \
                         identity: {},\n                        coded: &[",
                        representation(identity, numbers)
                    ));
                    for coded in *coded {
                        let coded = representation(coded, numbers);
                        add(format_args!("{coded}, "));
                    }
                    add(format_args!("],\n                    }}),\n"));
                }
            }
            add(format_args!("                }},\n"));
        }
        add(format_args!("            ],\n            listed: &{listed:?},\n        }},\n"));
    }
    add(format_args!("    ];\n    Image::new(DIRECTORIES)\n}}\n"));
    source
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
