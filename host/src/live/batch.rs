//! Changes that belong together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nothing must change until changes are told. A folder takes as long to show another one in its
/// place.
const QUIET: Duration = Duration::from_millis(100);

/// How long changes may follow each other until they are told all the same.
const MOST: Duration = Duration::from_secs(1);

/// What a page is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Something has changed that it has to load again for.
    Page,
    /// This style sheet has.
    Style(Arc<str>),
}

/// Changes that are not told yet.
#[derive(Debug)]
pub(super) struct Batch {
    first: Instant,
    last: Instant,
    /// The same, by the clock of those that are told.
    pub(super) at: u64,
    /// The only style sheet, if nothing else has changed.
    only: Option<(PathBuf, String)>,
}

impl Batch {
    /// A change, of a style sheet or of something else.
    pub(super) fn add(batch: Option<Self>, at: u64, style: Option<(PathBuf, String)>) -> Self {
        let now = Instant::now();
        match batch {
            None => Self { first: now, last: now, at, only: style },
            Some(batch) => {
                let only = batch.only.filter(|only| Some(only) == style.as_ref());
                Self { first: batch.first, last: now, at, only }
            }
        }
    }

    /// When it is to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        Some(self.last.checked_add(QUIET)?.min(self.first.checked_add(MOST)?))
    }

    /// What is told.
    pub(super) fn what(self) -> What {
        match self.only {
            // One that is gone can't be put in place of what there is.
            Some((path, name)) if path.is_file() => What::Style(name.into()),
            _ => What::Page,
        }
    }
}
