//! What is kept of a folder, within bounds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash};
use std::mem;
use std::sync::{PoisonError, RwLock};

use super::name::Known;

/// Something that is kept.
pub(super) trait Cost: Clone {
    /// Octets and descriptors that it takes.
    fn cost(&self) -> (usize, u64);
}

/// How much a generation holds at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) entries: usize,
    pub(super) octets: usize,
    /// Descriptors, by the limit that the system sets now.
    pub(super) descriptors: fn() -> u64,
}

/// Values by keys that know their hashes, in two generations: once the younger one is full, the older one is
/// forgotten, but for what was asked for meanwhile.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    generations: RwLock<[Generation<K, V>; 2]>,
    room: Room,
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, V, BuildHasherDefault<Known>>,
    octets: usize,
    descriptors: u64,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::default(), octets: 0, descriptors: 0 }
    }
}

impl<K: Clone + Eq + Hash, V: Cost> Kept<K, V> {
    pub(super) fn new(room: Room) -> Self {
        Self { generations: RwLock::default(), room }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &*generations;
        if let Some(value) = young.entries.get(key) {
            return Some(value.clone());
        }
        let value = old.entries.get(key)?.clone();
        drop(generations);
        self.insert(key, value.clone());
        Some(value)
    }

    pub(super) fn insert(&self, key: &K, value: V) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if !young.has_room(self.room, value.cost()) {
            *old = mem::take(young);
        }
        // It would count twice.
        old.remove(key);
        young.remove(key);
        young.insert(key, value);
    }

    /// Forgets what is kept by `key`.
    pub(super) fn forget(&self, key: &K) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        generations.iter_mut().for_each(|generation| generation.remove(key));
    }

    /// Forgets what nobody has asked for since the last time.
    pub(super) fn age(&self) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        *old = mem::take(young);
    }

    /// Lets all descriptors go.
    pub(super) fn clear(&self) {
        *self.generations.write().unwrap_or_else(PoisonError::into_inner) = Default::default();
    }

    /// What each generation holds: entries, and their octets.
    #[cfg(test)]
    pub(super) fn held(&self) -> [(usize, usize); 2] {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &*generations;
        [young, old].map(|generation| (generation.entries.len(), generation.octets))
    }
}

impl<K: Clone + Eq + Hash, V: Cost> Generation<K, V> {
    fn has_room(&self, room: Room, (octets, descriptors): (usize, u64)) -> bool {
        self.entries.len() < room.entries
            && self.octets.saturating_add(octets) <= room.octets
            && self.descriptors.saturating_add(descriptors) <= (room.descriptors)()
    }

    fn insert(&mut self, key: &K, value: V) {
        let (octets, descriptors) = value.cost();
        self.octets = self.octets.saturating_add(octets);
        self.descriptors = self.descriptors.saturating_add(descriptors);
        self.entries.insert(key.clone(), value);
    }

    fn remove(&mut self, key: &K) {
        let Some(value) = self.entries.remove(key) else { return };
        let (octets, descriptors) = value.cost();
        self.octets = self.octets.saturating_sub(octets);
        self.descriptors = self.descriptors.saturating_sub(descriptors);
    }
}
