//! The name by which a file is opened and found in the cache.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash, Hasher};
use std::sync::Arc;

use thimble_core::semantics::negotiate::Coding;
use thimble_core::semantics::path::Path;

/// The path of a file from the root of a folder, with the suffix of a content coding; empty for the root
/// itself. It is hashed once. Clones share the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    octets: Arc<[u8]>,
    coding: Coding,
    hash: u64,
}

impl Name {
    pub(super) fn new(path: &Path<'_>, coding: Coding, hasher: &RandomState) -> Self {
        let [before, last] = path.parts();
        let is_coded = coding != Coding::Identity && !(before.is_empty() && last.is_empty());
        let suffix = if is_coded { coding.suffix() } else { "" };
        let octets: Arc<[u8]> = match (last, suffix) {
            ([], "") => Arc::from(before),
            _ => before.iter().chain(last).chain(suffix.as_bytes()).copied().collect(),
        };
        let mut hash = hasher.build_hasher();
        hash.write(&octets);
        let hash = hash.finish();
        Self { octets, coding, hash }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.octets
    }

    /// The same without the suffix of its coding.
    pub(super) fn plain(&self) -> &[u8] {
        self.octets.strip_suffix(self.coding.suffix().as_bytes()).unwrap_or(&self.octets)
    }

    pub(super) const fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.octets.is_empty()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes the hash that a [`Name`] has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known(u64);

impl Hasher for Known {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
