//! Folders that are served without the application.

use std::sync::Arc;

use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;
use thimble_core::service::storage::{Node, OpenError, Storage};
use thimble_core::{Answer, Exchange, Files, Service, Transport};
use thimble_tokio::Folder;

/// A folder below a path.
pub(crate) struct Mount {
    prefix: Arc<[String]>,
    files: Files<'static, Below>,
}

/// A folder whose files have these segments before their own paths.
struct Below {
    prefix: Arc<[String]>,
    folder: Folder,
}

impl Mount {
    /// `folder` below `path`, such as `/static`.
    pub(crate) fn new(path: &str, folder: Folder) -> Self {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let prefix: Arc<[String]> = segments.map(str::to_owned).collect();
        let below = Below { prefix: Arc::clone(&prefix), folder };
        Self { prefix, files: Files::new(below).without_listings() }
    }

    /// Whether a path of these segments is below that of this folder.
    pub(crate) fn has(&self, segments: &[&str]) -> bool {
        let first = segments.iter().take(self.prefix.len());
        segments.len() > self.prefix.len() && self.prefix.iter().eq(first)
    }

    /// Answers by a file.
    pub(crate) async fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Answer<'c, T> {
        self.files.call(exchange).await
    }
}

impl Below {
    /// `path` without the segments that lead here.
    fn within(&self, path: &Path<'_>) -> Option<Vec<u8>> {
        let mut within = Vec::new();
        let mut segments = path.segments();
        for expected in &*self.prefix {
            segments.next().filter(|segment| *segment == expected.as_bytes())?;
        }
        for segment in segments {
            within.push(b'/');
            within.extend_from_slice(segment);
        }
        if within.is_empty() || path.is_directory() {
            within.push(b'/');
        }
        Some(within)
    }
}

impl Storage for Below {
    type File = <Folder as Storage>::File;
    type Entries = <Folder as Storage>::Entries;

    async fn open(&self, path: &Path<'_>, coding: Coding) -> Result<Node<Self::File>, OpenError> {
        let within = self.within(path).ok_or(OpenError::NotFound)?;
        self.folder.open(&Path::new(&within).ok_or(OpenError::NotFound)?, coding).await
    }

    async fn list(&self, path: &Path<'_>) -> Result<Self::Entries, OpenError> {
        let within = self.within(path).ok_or(OpenError::NotFound)?;
        self.folder.list(&Path::new(&within).ok_or(OpenError::NotFound)?).await
    }
}
