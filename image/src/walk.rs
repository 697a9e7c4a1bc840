//! From a folder to an image of it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use siphasher::sip::SipHasher13;
use thimble_core::Image;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::mime;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::service::image::{Child, Directory, File, Kind, Representation};
use thimble_core::service::place::{Place, PlaceSearch};
use thimble_core::service::storage::listing_order;

use crate::gzip::gzip;
use crate::{Builder, Error};

/// Makes an image of a folder, in which nothing is later than `latest`.
pub(crate) fn walk(builder: &Builder, latest: Option<UnixTime>) -> Result<Image, Error> {
    let folder = &builder.folder;
    let root = fs::canonicalize(folder).map_err(|error| Error::of("open", folder, &error))?;
    let mut walk = Walk {
        builder,
        latest,
        root: root.clone(),
        directories: vec![root],
        octets: HashSet::new(),
        types: HashSet::new(),
        files: HashMap::new(),
    };
    let mut directories = Vec::new();
    // More are found on the way.
    while let Some(directory) = walk.directories.get(directories.len()) {
        let directory = walk.directory(&directory.clone())?;
        directories.push(directory);
    }
    Ok(Image::new(directories.leak()))
}

/// The folders of programs, which are no files for clients.
const PROGRAMS: [&str; 2] = ["cgi-bin", "htbin"];

struct Walk<'b> {
    builder: &'b Builder,
    latest: Option<UnixTime>,
    /// The folder itself. All paths are without links from here on.
    root: PathBuf,
    /// All directories that were found.
    directories: Vec<PathBuf>,
    /// All contents, each of them once.
    octets: HashSet<&'static [u8]>,
    /// All types, each of them once.
    types: HashSet<&'static str>,
    /// What was read already.
    files: HashMap<PathBuf, Representation>,
}

/// What a name leads to.
struct Found {
    name: OsString,
    is_link: bool,
    /// Where it is, when all links are followed.
    place: PathBuf,
    metadata: Metadata,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path) -> Result<Directory, Error> {
        let mut found = Vec::new();
        let fault = |error| Error::of("read the folder", path, &error);
        for entry in fs::read_dir(path).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let is_shown = self.builder.takes_hidden
                || !name.as_encoded_bytes().starts_with(b".")
                || (name == ".well-known" && path == self.root);
            if is_shown {
                found.extend(self.follow(path, name)?);
            }
        }
        found.sort_by(|a, b| a.name.as_encoded_bytes().cmp(b.name.as_encoded_bytes()));

        let mut children = Vec::new();
        for one in &found {
            let kind = if one.metadata.is_dir() {
                // What is known of a link is what it leads to, and of a directory that is nothing.
                let modified = if one.is_link { None } else { self.modified(&one.metadata) };
                Kind::Directory { index: self.index(&one.place)?, modified }
            } else {
                Kind::File(self.file(one, &found)?)
            };
            let name = leak(one.name.as_encoded_bytes());
            children.push(Child { name, is_link: one.is_link, kind });
        }
        let listed = listed(path, &children)?;
        Ok(Directory { children: children.leak(), listed: listed.leak() })
    }

    /// What `name` leads to, if that is in the folder, and can be served.
    fn follow(&self, path: &Path, name: OsString) -> Result<Option<Found>, Error> {
        let path = path.join(&name);
        let fault = |error| Error::of("read", &path, &error);
        let metadata = fs::symlink_metadata(&path).map_err(fault)?;
        let is_link = metadata.is_symlink();
        let (place, metadata) = if is_link {
            // Those that lead nowhere, or round in circles, lead to nothing.
            let Ok(place) = fs::canonicalize(&path) else { return Ok(None) };
            if !place.starts_with(&self.root) {
                return Ok(None);
            }
            let metadata = fs::metadata(&place).map_err(fault)?;
            (place, metadata)
        } else {
            (path, metadata)
        };
        // Nothing here could run them.
        let is_program = PROGRAMS.iter().any(|folder| place.starts_with(self.root.join(folder)));
        let is_served = !is_program && (metadata.is_dir() || metadata.is_file());
        Ok(is_served.then_some(Found { name, is_link, place, metadata }))
    }

    /// The place of a directory among all.
    fn index(&mut self, place: &Path) -> Result<u16, Error> {
        let known = self.directories.iter().position(|known| known == place);
        let index = known.unwrap_or_else(|| {
            self.directories.push(place.to_path_buf());
            self.directories.len() - 1
        });
        index.try_into().map_err(|_| Error("there are more than 65536 folders".to_owned()))
    }

    /// A file, in all codings. `beside` it stand its variants, in the order of their names.
    fn file(&mut self, file: &Found, beside: &[Found]) -> Result<File, Error> {
        let identity = self.representation(file, Coding::Identity)?;
        let mut coded = Vec::new();
        for coding in Coding::BY_PREFERENCE {
            let name = [file.name.as_encoded_bytes(), coding.suffix().as_bytes()].concat();
            let found = beside
                .binary_search_by(|other| other.name.as_encoded_bytes().cmp(&name))
                .ok()
                .and_then(|index| beside.get(index))
                .filter(|found| coding != Coding::Identity && found.metadata.is_file())
                // It was made of another one.
                .filter(|found| !is_older(&found.metadata, &file.metadata));
            if let Some(found) = found {
                coded.push(self.representation(found, coding)?);
            } else if coding == Coding::Gzip
                && self.builder.makes_gzip
                && let Some(content) = gzip(identity.content)
            {
                coded.push(Representation { coding, ..self.of(content, identity.modified) });
            }
        }
        let content_type = self.content_type(file.name.as_encoded_bytes());
        let form_place =
            if mime::is_html(content_type) { form_place(identity.content) } else { None };
        Ok(File { content_type, identity, coded: coded.leak(), form_place })
    }

    fn content_type(&mut self, name: &[u8]) -> &'static str {
        let content_type = mime::own_type_of(&self.builder.content_types, name)
            .unwrap_or_else(|| mime::content_type(name));
        self.types.get(content_type).copied().unwrap_or_else(|| {
            let kept = content_type.to_owned().leak();
            self.types.insert(kept);
            kept
        })
    }

    fn representation(&mut self, file: &Found, coding: Coding) -> Result<Representation, Error> {
        let representation = if let Some(known) = self.files.get(&file.place) {
            *known
        } else {
            let octets = fs::read(&file.place);
            let octets = octets.map_err(|error| Error::of("read", &file.place, &error))?;
            let read = self.of(octets, self.modified(&file.metadata));
            self.files.insert(file.place.clone(), read);
            read
        };
        Ok(Representation { coding, ..representation })
    }

    /// What is known of octets, which are kept once however often they come.
    fn of(&mut self, octets: Vec<u8>, modified: Option<UnixTime>) -> Representation {
        let known = self.octets.get(octets.as_slice()).copied();
        let content = known.unwrap_or_else(|| {
            let kept = octets.leak();
            self.octets.insert(kept);
            kept
        });
        let etag = format!("{:016x}", SipHasher13::new().hash(content)).leak();
        Representation { coding: Coding::Identity, content, etag, modified }
    }

    /// When something was last changed. Times before 1970 can't be said.
    fn modified(&self, metadata: &Metadata) -> Option<UnixTime> {
        if let Some(modified) = self.builder.modified {
            return Some(modified);
        }
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let modified = UnixTime(modified.as_secs());
        Some(self.latest.map_or(modified, |latest| modified.min(latest)))
    }
}

/// Whether a file was changed before another one was.
fn is_older(one: &Metadata, other: &Metadata) -> bool {
    matches!((one.modified(), other.modified()), (Ok(one), Ok(other)) if one < other)
}

/// Where submitted fields go into a page.
fn form_place(page: &[u8]) -> Option<&'static Place> {
    let mut search = PlaceSearch::default();
    search.look(page);
    let place = search.place(page.len() as u64)?;
    Some(Box::leak(Box::new(place)))
}

/// The order in which children are listed.
fn listed(path: &Path, children: &[Child]) -> Result<Vec<u16>, Error> {
    let mut listed = Vec::new();
    for (place, child) in children.iter().enumerate() {
        let place = u16::try_from(place);
        let many = |_| Error(format!("more than 65536 names are in '{}'", path.display()));
        listed.push((place.map_err(many)?, child));
    }
    let key = |child: &Child| (matches!(child.kind, Kind::Directory { .. }), child.name);
    listed.sort_by(|(_, a), (_, b)| listing_order(key(a), key(b)));
    Ok(listed.into_iter().map(|(place, _)| place).collect())
}

fn leak(octets: &[u8]) -> &'static [u8] {
    octets.to_vec().leak()
}
