//! Files in flash.

use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{
    File, Metadata, NoEntries, Node, OpenError, ReadError, Storage,
};

/// Names from the root on, and contents.
pub type Files = &'static [(&'static str, &'static [u8])];

/// The files below `site/`.
pub const SITE: Files = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Those of the case tables.
pub const FIXTURE: Files = include!(concat!(env!("OUT_DIR"), "/fixture.rs"));

/// A storage of files in flash.
#[derive(Clone, Copy)]
pub struct Flash {
    /// The files.
    pub files: Files,
    /// When they were last changed, if that is known.
    pub modified: Option<UnixTime>,
}

impl Storage for Flash {
    type File = InFlash;
    type Entries = NoEntries;

    async fn open(&self, path: &Path<'_>, _: Coding) -> Result<Node<InFlash>, OpenError> {
        let mut is_directory = false;
        for (name, content) in self.files {
            let mut names = name.split('/').map(str::as_bytes);
            if !path.segments().all(|segment| names.next() == Some(segment)) {
                continue;
            }
            if names.next().is_none() {
                return Ok(Node::File(InFlash { content, modified: self.modified }));
            }
            is_directory = true;
        }
        if is_directory { Ok(Node::Directory) } else { Err(OpenError::NotFound) }
    }

    async fn list(&self, _: &Path<'_>) -> Result<NoEntries, OpenError> {
        Err(OpenError::NotFound)
    }
}

/// A file in flash.
#[derive(Clone, Copy)]
pub struct InFlash {
    content: &'static [u8],
    modified: Option<UnixTime>,
}

impl File for InFlash {
    fn metadata(&self) -> Metadata<'_> {
        Metadata { len: self.content.len() as u64, modified: self.modified, ..Metadata::default() }
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let offset = usize::try_from(offset).map_err(|_| ReadError)?;
        let rest = self.content.get(offset..).ok_or(ReadError)?;
        let count = rest.len().min(buffer.len());
        for (slot, octet) in buffer.iter_mut().zip(rest) {
            *slot = *octet;
        }
        Ok(count)
    }

    fn as_slice(&self) -> Option<&'static [u8]> {
        Some(self.content)
    }
}
