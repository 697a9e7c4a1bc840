//! The files of a folder, in memory.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Result;
use std::path::Path as FsPath;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;
use thimble_core::grammar::date::UnixTime;
use thimble_core::grammar::etag::EntityTag;
use thimble_core::semantics::negotiate::{Coding, Codings};
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{
    Entries, Entry, File, Metadata, Node, OpenError, ReadError, Storage, listing_order,
};

use crate::cases::Root;

/// When nearly every file of the fixture was last changed: Sun, 06 Nov 1994 08:49:37 GMT.
pub const MODIFIED: UnixTime = UnixTime(thimble_test_fixtures::MODIFIED as u64);

/// The files of a folder, in memory.
#[derive(Clone, Copy, Debug)]
pub struct Fixture {
    /// By their names from the root on, with slashes between them.
    files: &'static BTreeMap<Vec<u8>, Stored>,
    /// In the order of listings, by the names of the folders; that of the root is empty.
    folders: &'static BTreeMap<Vec<u8>, Vec<Listed>>,
    reads: Reads,
}

#[derive(Debug)]
struct Stored {
    content: &'static [u8],
    modified: UnixTime,
    etag: String,
    codings: Codings,
    is_link: bool,
}

#[derive(Debug)]
struct Listed {
    name: Vec<u8>,
    is_directory: bool,
    is_link: bool,
    len: u64,
    modified: Option<UnixTime>,
}

/// How a file gives its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// As the memory it is.
    Slice,
    /// By reads of so many octets at most.
    Pieces(usize),
    /// To a transport that sends files by itself, so many octets at most at a time; otherwise, whole.
    Sent(usize),
}

/// A file of the [`Fixture`].
#[derive(Clone, Copy, Debug)]
pub struct FixtureFile {
    stored: &'static Stored,
    reads: Reads,
}

impl Fixture {
    /// Reads what most rows are about, to be kept until the process ends.
    ///
    /// # Errors
    /// It can't be read.
    pub fn load() -> Result<Self> {
        Self::load_root(Root::Fixture)
    }

    /// Reads what rows are about that have `root`, to be kept until the process ends.
    ///
    /// # Errors
    /// It can't be read.
    pub fn load_root(root: Root) -> Result<Self> {
        let folder = TempDir::with_prefix("thimble-")?;
        thimble_test_fixtures::write(root.name(), folder.path())?;
        let root = folder.path().canonicalize()?;
        let (mut files, mut links) = (BTreeMap::new(), Vec::new());
        collect(&root, &root, b"", &mut files, &mut links)?;
        Ok(Self::stored(files, &links))
    }

    /// Other files, by their names from the root on.
    pub fn of(files: Vec<(Vec<u8>, &'static [u8])>) -> Self {
        let store = |(name, content)| (name, Stored::new(content, MODIFIED, false));
        Self::stored(files.into_iter().map(store).collect(), &[])
    }

    /// `links` are the folders that are links.
    fn stored(mut files: BTreeMap<Vec<u8>, Stored>, links: &[Vec<u8>]) -> Self {
        let mut folders: BTreeMap<Vec<u8>, Vec<Listed>> = BTreeMap::new();
        let names: Vec<Vec<u8>> = files.keys().cloned().collect();
        for name in &names {
            let stands = |coding: &Coding| {
                files.contains_key(&[name.as_slice(), coding.suffix().as_bytes()].concat())
            };
            let codings = Coding::BY_PREFERENCE.into_iter().filter(stands);
            let codings = codings.fold(Codings::NONE, Codings::with);
            let Some(file) = files.get_mut(name) else { continue };
            file.codings = codings;
            let mut listed = Listed {
                name: Vec::new(),
                is_directory: false,
                is_link: file.is_link,
                len: file.content.len() as u64,
                modified: Some(file.modified),
            };
            let mut path = name.as_slice();
            // Up to the first folder that is known already.
            loop {
                let slash = path.iter().rposition(|&octet| octet == b'/');
                let (above, below) = match slash {
                    Some(at) => (path.get(..at), path.get(at + 1..)),
                    None => (None, Some(path)),
                };
                listed.name = below.unwrap_or_default().to_vec();
                let is_known = folders.contains_key(above.unwrap_or_default());
                folders.entry(above.unwrap_or_default().to_vec()).or_default().push(listed);
                path = match above {
                    Some(above) if !is_known => above,
                    _ => break,
                };
                // A folder that is a link has no time of its own.
                let is_link = links.iter().any(|link| link == path);
                listed = Listed {
                    name: Vec::new(),
                    is_directory: true,
                    is_link,
                    len: 0,
                    modified: Some(MODIFIED).filter(|_| !is_link),
                };
            }
        }
        for entries in folders.values_mut() {
            let key = |entry: &Listed| (entry.is_directory, entry.name.clone());
            entries.sort_by(|a, b| {
                let (a, b) = (key(a), key(b));
                listing_order((a.0, &a.1), (b.0, &b.1))
            });
        }
        Self {
            files: Box::leak(Box::new(files)),
            folders: Box::leak(Box::new(folders)),
            reads: Reads::Slice,
        }
    }

    /// The same files, read otherwise.
    pub const fn reading(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }
}

impl Stored {
    fn new(content: &'static [u8], modified: UnixTime, is_link: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        (content, modified.0).hash(&mut hasher);
        let etag = format!("m{:015x}", hasher.finish() >> 4);
        Self { content, modified, etag, codings: Codings::NONE, is_link }
    }
}

/// Reads all files below `folder`, whose name ends with a slash except for the root. Links are
/// followed to what is below `root`, too.
fn collect(
    root: &FsPath,
    folder: &FsPath,
    above: &[u8],
    files: &mut BTreeMap<Vec<u8>, Stored>,
    links: &mut Vec<Vec<u8>>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_link = entry.file_type()?.is_symlink();
        let Ok(path) = entry.path().canonicalize() else { continue };
        // Above itself there is no end to what is below it.
        if !path.starts_with(root) || entry.path().starts_with(&path) && is_link {
            continue;
        }
        let name = [above, entry.file_name().as_encoded_bytes()].concat();
        let metadata = fs::metadata(&path)?;
        if metadata.is_dir() {
            collect(root, &path, &[&name, b"/".as_slice()].concat(), files, links)?;
            links.extend(is_link.then_some(name));
        } else {
            let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let content = fs::read(&path)?.leak();
            files.insert(name, Stored::new(content, UnixTime(since.as_secs()), is_link));
        }
    }
    Ok(())
}

/// Whether `name`, from the root on, is `path` with `suffix` at its end.
fn is_at(name: &[u8], path: &Path<'_>, suffix: &[u8]) -> bool {
    let Some(name) = name.strip_suffix(suffix) else { return false };
    let mut names = name.split(|&octet| octet == b'/').filter(|name| !name.is_empty());
    path.segments().all(|segment| names.next() == Some(segment)) && names.next().is_none()
}

impl Storage for Fixture {
    type File = FixtureFile;
    type Entries = FixtureEntries;

    async fn open(
        &self,
        path: &Path<'_>,
        coding: Coding,
    ) -> core::result::Result<Node<FixtureFile>, OpenError> {
        let suffix = coding.suffix().as_bytes();
        if let Some((_, stored)) = self.files.iter().find(|(name, _)| is_at(name, path, suffix)) {
            return Ok(Node::File(FixtureFile { stored, reads: self.reads }));
        }
        let mut folders = self.folders.keys();
        folders
            .find(|name| is_at(name, path, b""))
            .map_or(Err(OpenError::NotFound), |_| Ok(Node::Directory))
    }

    async fn list(&self, path: &Path<'_>) -> core::result::Result<FixtureEntries, OpenError> {
        let folder = self.folders.iter().find(|(name, _)| is_at(name, path, b""));
        let (_, entries) = folder.ok_or(OpenError::NotFound)?;
        Ok(FixtureEntries(entries.iter()))
    }
}

/// A folder of the [`Fixture`] that is being listed.
#[derive(Clone, Debug)]
pub struct FixtureEntries(core::slice::Iter<'static, Listed>);

impl Entries for FixtureEntries {
    async fn next(&mut self) -> core::result::Result<Option<Entry<'_>>, ReadError> {
        Ok(self.0.next().map(|entry| Entry {
            name: &entry.name,
            is_directory: entry.is_directory,
            is_link: entry.is_link,
            len: entry.len,
            modified: entry.modified,
        }))
    }
}

impl File for FixtureFile {
    fn metadata(&self) -> Metadata<'_> {
        let Stored { content, modified, etag, codings, .. } = self.stored;
        Metadata {
            len: content.len() as u64,
            modified: Some(*modified),
            etag: Some(EntityTag::strong(etag.as_bytes())),
            codings: *codings,
        }
    }

    async fn read_at(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> core::result::Result<usize, ReadError> {
        let most = match self.reads {
            Reads::Slice | Reads::Sent(_) => usize::MAX,
            Reads::Pieces(most) => most,
        };
        let offset = usize::try_from(offset).map_err(|_| ReadError)?;
        let rest = self.stored.content.get(offset..).ok_or(ReadError)?;
        let count = rest.len().min(buffer.len()).min(most);
        for (to, from) in buffer.iter_mut().zip(rest.iter().take(count)) {
            *to = *from;
        }
        Ok(count)
    }

    fn as_slice(&self) -> Option<&'static [u8]> {
        (self.reads == Reads::Slice).then_some(self.stored.content)
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        matches!(self.reads, Reads::Sent(_)).then_some(self as _)
    }
}

impl FixtureFile {
    /// What a transport that sends files sends at once, `length` octets at most from `offset` on.
    pub fn sent(&self, offset: u64, length: u64) -> &'static [u8] {
        let Reads::Sent(most) = self.reads else { return b"" };
        let most = usize::try_from(length).unwrap_or(usize::MAX).min(most);
        let rest = usize::try_from(offset).ok().and_then(|at| self.stored.content.get(at..));
        let rest = rest.unwrap_or_default();
        rest.get(..most).unwrap_or(rest)
    }
}
