//! The names in a directory, sorted, for all who list it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use thimble_core::service::storage::{OpenError, listing_order};

use super::budget::Share;
use super::mapped::Mapped;
use crate::folder::cache::Stamp;
use crate::folder::open_error;

/// Names, and what they are names of.
///
/// A name takes its own length and eight octets; sizes and times are asked for one by one.
#[derive(Debug)]
pub(super) struct Names {
    /// All names, one after the other.
    octets: Mapped,
    /// A [`Row`] for each, in the end sorted.
    rows: Mapped,
    share: Share,
}

/// Where a name stands among the names, and what it is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    start: u32,
    length: u16,
    pub(super) is_directory: bool,
    pub(super) is_link: bool,
}

/// Octets of a row in memory.
const ROW: usize = 8;

impl Row {
    fn to_bytes(self) -> [u8; ROW] {
        let Self { start, length, is_directory, is_link } = self;
        let kind = u64::from(is_directory) | u64::from(is_link) << 1;
        (u64::from(start) | u64::from(length) << 32 | kind << 48).to_le_bytes()
    }

    fn from_bytes(bytes: [u8; ROW]) -> Self {
        let packed = u64::from_le_bytes(bytes);
        Self {
            start: u32::try_from(packed & 0xffff_ffff).unwrap_or_default(),
            length: u16::try_from(packed >> 32 & 0xffff).unwrap_or_default(),
            is_directory: packed >> 48 & 1 != 0,
            is_link: packed >> 49 & 1 != 0,
        }
    }

    fn name(self, names: &[u8]) -> &[u8] {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        names.get(start..).and_then(|names| names.get(..self.length.into())).unwrap_or_default()
    }
}

impl Names {
    pub(super) fn new() -> Result<Self, OpenError> {
        let mapped = || Mapped::new().map_err(|error| open_error(&error));
        Ok(Self { octets: mapped()?, rows: mapped()?, share: Share::new() })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.rows.as_slice().len() / ROW
    }

    /// Adds a name.
    ///
    /// # Errors
    /// [`OpenError::Busy`] when there is no memory for it now.
    pub(super) fn push(
        &mut self,
        name: &[u8],
        is_directory: bool,
        is_link: bool,
    ) -> Result<(), OpenError> {
        let octets = self.octets.as_slice().len();
        let start = u32::try_from(octets).map_err(|_| OpenError::Failed)?;
        let length = u16::try_from(name.len()).map_err(|_| OpenError::Failed)?;
        let rows = self.rows.as_slice().len();
        let needed = octets.saturating_add(rows).saturating_add(name.len()).saturating_add(ROW);
        self.share.grow_to(needed).map_err(|_| OpenError::Busy)?;
        self.octets.append(name).map_err(|error| open_error(&error))?;
        let row = Row { start, length, is_directory, is_link };
        self.rows.append(&row.to_bytes()).map_err(|error| open_error(&error))
    }

    /// Sorts them.
    pub(super) fn sort(&mut self) {
        let Self { octets, rows, .. } = self;
        let names = octets.as_slice();
        let (records, _) = rows.as_mut_slice().as_chunks_mut::<ROW>();
        records.sort_unstable_by(|a, b| {
            let (a, b) = (Row::from_bytes(*a), Row::from_bytes(*b));
            listing_order((a.is_directory, a.name(names)), (b.is_directory, b.name(names)))
        });
    }

    /// The name at a place, and what it is the name of.
    pub(super) fn at(&self, place: usize) -> Option<(&[u8], Row)> {
        let record = self.rows.as_slice().as_chunks::<ROW>().0.get(place)?;
        let row = Row::from_bytes(*record);
        Some((row.name(self.octets.as_slice()), row))
    }
}

/// The names that are listed at the moment, so that those who list the same directory at the same
/// time do it once.
#[derive(Debug, Default)]
pub(in crate::folder) struct Listings {
    current: Mutex<Vec<(Stamp, Weak<Names>)>>,
    reading: Mutex<()>,
}

impl Listings {
    /// Waits until no other large directory is read or sorted.
    pub(super) fn wait_for_turn(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names in the directory with this stamp, if somebody lists it.
    pub(super) fn find(&self, stamp: &Stamp) -> Option<Arc<Names>> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().find(|(known, _)| known == stamp)?.1.upgrade()
    }

    /// Others may list `names`, too.
    pub(super) fn share(&self, stamp: Stamp, names: &Arc<Names>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.retain(|(_, names)| names.strong_count() > 0);
        current.push((stamp, Arc::downgrade(names)));
    }
}
