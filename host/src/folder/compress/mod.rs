//! Codings that are made of files, when clients ask for some in which they don't stand.

mod encoders;
mod memory;
mod work;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use thimble_core::semantics::negotiate::{Coding, Codings};

use super::cache::Stamp;
use super::file::Opened;
use super::kept::{Cost, Kept, Room};
use crate::listen::memory_is_scarce;
pub(super) use memory::{MemoryFile, descriptors};
use work::Queue;
pub(super) use work::Worker;

/// What a kept coding takes besides its own octets, or is taken to.
const OVERHEAD: usize = 512;

/// Which files are compressed, and how much memory that may take.
///
/// By default, files are put into all codings for which there are cargo features: `gzip`, `brotli` and
/// `zstd`. Only files of types that [become
/// smaller](thimble_core::semantics::mime::is_compressible) are, which mostly is text, and only if they have
/// 1 KiB to 8 MiB; what doesn't become smaller all the same is sent as it is.
///
/// A coding is made once for all clients that ask for it meanwhile, by threads that do nothing else, at
/// most one for two cores. When files of over 16 MiB wait for that, further ones are sent as they are; so are
/// those that have only just changed, as they have no entity tag yet.
///
/// All that is kept takes 64 MiB at most, and what was not asked for lately makes room. It is memory of the
/// process, and for codings of over 24 KiB files in memory (`memfd_create`), which are sent like any other.
///
/// Compressed replies over TLS have lengths that tell something of their content. For a file, that is
/// nothing that its path doesn't tell. Compress no reply of your own in which a secret stands beside what
/// somebody else has sent (BREACH).
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    codings: Codings,
    least: u64,
    largest: u64,
    memory: usize,
}

impl Compression {
    /// The default: 1 KiB to 8 MiB, all codings that there are, and 64 MiB of memory.
    pub const fn new() -> Self {
        let codings = encoders::CODINGS;
        Self { codings, least: 1024, largest: 8 * 1024 * 1024, memory: 64 * 1024 * 1024 }
    }

    /// Without this coding.
    #[must_use]
    pub const fn without(self, coding: Coding) -> Self {
        Self { codings: self.codings.without(coding), ..self }
    }

    /// The least and the most octets that a file has that is compressed.
    #[must_use]
    pub const fn lengths(self, least: u64, largest: u64) -> Self {
        Self { least, largest, ..self }
    }

    /// Octets that are kept at most, of all files together.
    #[must_use]
    pub const fn memory(self, octets: usize) -> Self {
        Self { memory: octets, ..self }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

/// What compresses the files of a folder: what was made, and what is still to be made.
#[derive(Debug)]
pub(super) struct Compressor {
    rules: Compression,
    kept: Kept<Key, Made>,
    queue: Queue,
    /// Each file in memory has one of these.
    places: Arc<()>,
}

/// A file as something to be compressed.
#[derive(Debug)]
pub(super) struct Source {
    compressor: Arc<Compressor>,
    /// None if a change of the file may not show.
    stamp: Option<Stamp>,
    codings: Codings,
}

/// A state of a file, and a coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    stamp: Stamp,
    coding: Coding,
    hash: u64,
}

/// What a file became; none if it is smaller as it is.
#[derive(Clone, Debug)]
struct Made(Option<Arc<Opened>>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Cost for Made {
    fn cost(&self) -> (usize, u64) {
        let octets = self.0.as_ref().map_or(0, |made| made.len());
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        // Descriptors are counted by their places.
        (octets.saturating_add(OVERHEAD), 0)
    }
}

impl Compressor {
    pub(super) fn new(rules: Compression) -> Self {
        let octets = rules.memory / 2;
        let room = Room { entries: octets / OVERHEAD, octets, descriptors: || 0 };
        Self { rules, kept: Kept::new(room), queue: Queue::default(), places: Arc::default() }
    }

    /// Keeps what was made, unless it alone is too large.
    fn keep(&self, key: &Key, made: &Made) {
        if made.cost().0 <= self.rules.memory / 2 {
            self.kept.insert(key, made.clone());
        }
    }
}

impl Source {
    /// A file that had this stamp; `is_settled` says whether any later change of it will show.
    pub(super) fn new(compressor: &Arc<Compressor>, stamp: Stamp, is_settled: bool) -> Self {
        let Compression { codings, least, largest, .. } = compressor.rules;
        let codings =
            if (least..=largest).contains(&stamp.len()) { codings } else { Codings::NONE };
        let stamp = is_settled.then_some(stamp);
        Self { compressor: Arc::clone(compressor), stamp, codings }
    }

    /// The codings that it is put into.
    pub(super) const fn codings(&self) -> Codings {
        self.codings
    }
}

/// `file` in `coding`, kept or made by who `hand_over` gives the work to; nothing if it is sent as it is.
pub(super) async fn coded(
    file: &Arc<Opened>,
    coding: Coding,
    hand_over: impl FnOnce(Worker),
) -> Option<Arc<Opened>> {
    let source = file.source().filter(|source| source.codings.contains(coding))?;
    let key = Key { stamp: source.stamp?, coding, hash: file.state()? ^ coding as u64 };
    let compressor = &source.compressor;
    if let Some(made) = compressor.kept.get(&key) {
        return made.0;
    }
    // An encoder would take what a connection then can't have.
    if memory_is_scarce() {
        return None;
    }
    let (waits, worker) = compressor.make(key, file)?;
    if let Some(worker) = worker {
        hand_over(worker);
    }
    waits.wait().await.0.clone()
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use std::fs;
    use std::io;
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use thimble_core::semantics::path::Path;
    use thimble_core::service::storage::{File as _, Node, Storage as _};

    use super::super::{Folder, OpenFile};
    use super::*;
    use crate::park::block_on;

    /// Longer than the last moments in which a change may not show.
    const SETTLED: Duration = Duration::from_millis(80);

    fn open(folder: &Folder, path: &str) -> Option<OpenFile> {
        match block_on(folder.open(&Path::new(path.as_bytes())?, Coding::Identity)) {
            Ok(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    fn gzipped(folder: &Folder, path: &str) -> Option<Arc<Opened>> {
        let file = open(folder, path)?;
        block_on(coded(file.opened(), Coding::Gzip, Worker::work_aside))
    }

    /// A folder with files of `letter`s, which have settled.
    fn folder(
        files: &[(&str, usize)],
        compression: Compression,
    ) -> io::Result<(tempfile::TempDir, Folder)> {
        let place = tempfile::TempDir::with_prefix("thimble-")?;
        for (name, octets) in files {
            fs::write(place.path().join(name), text(*octets))?;
        }
        thread::sleep(SETTLED);
        let folder = Folder::open(place.path())?.compress(compression);
        Ok((place, folder))
    }

    /// Octets that become about half as many.
    fn text(octets: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_u32;
        let letter = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"0123456789abcdef".get((state >> 28) as usize).copied().unwrap_or_default()
        };
        (0..octets).map(letter).collect()
    }

    #[test]
    fn of_many_who_ask_at_once_one_has_it_made() -> io::Result<()> {
        for octets in [5_000, 500_000] {
            let (_place, folder) = folder(&[("a.txt", octets)], Compression::new())?;
            let start = Barrier::new(20);
            let all: Vec<_> = thread::scope(|scope| {
                let ask = || {
                    start.wait();
                    gzipped(&folder, "/a.txt")
                };
                let asking: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().filter_map(|asking| asking.join().ok()?).collect()
            });
            let Some(first) = all.first() else { panic!("nothing is made") };
            assert!(all.len() == 20 && all.iter().all(|made| Arc::ptr_eq(made, first)));
            // And whoever comes later.
            assert!(gzipped(&folder, "/a.txt").is_some_and(|made| Arc::ptr_eq(&made, first)));
        }
        Ok(())
    }

    #[test]
    fn what_is_kept_has_a_bound() -> io::Result<()> {
        const MEMORY: usize = 100_000;
        let names: Vec<_> = (0..40).map(|number| format!("{number}.txt")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), 20_000)).collect();
        let (_place, folder) = folder(&files, Compression::new().memory(MEMORY))?;
        let tree = folder.tree();
        let Some(compressor) = &tree.rules().compressor else { panic!("nothing compresses") };
        for name in &names {
            assert!(gzipped(&folder, &format!("/{name}")).is_some());
            let held = compressor.kept.held();
            let octets: usize = held.iter().map(|(_, octets)| octets).sum();
            assert!(octets <= MEMORY && octets > 0, "{held:?}");
        }
        // What alone would be too much is made each time.
        fs::write(folder.place().join("large.txt"), text(200_000))?;
        thread::sleep(SETTLED);
        let (first, second) = (gzipped(&folder, "/large.txt"), gzipped(&folder, "/large.txt"));
        assert!(first.zip(second).is_some_and(|(first, second)| !Arc::ptr_eq(&first, &second)));
        Ok(())
    }

    #[test]
    fn only_some_files_are_compressed() -> io::Result<()> {
        let files = [("least", 1024), ("less", 1023), ("most", 5000), ("more", 5001)];
        let (place, folder) = folder(&files, Compression::new().lengths(1024, 5000))?;
        // What doesn't become smaller is known.
        let mut hasher = 0_u64;
        let noise = |_| {
            hasher = hasher.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            hasher.to_be_bytes()[0]
        };
        fs::write(place.path().join("noise"), (0..4000).map(noise).collect::<Vec<u8>>())?;
        // A change may not show yet, so there is no tag; what is sent varies as it will.
        fs::write(place.path().join("young"), text(4000))?;
        for name in ["least", "less", "most", "more", "young"] {
            let path = format!("/{name}");
            let made = matches!(name, "least" | "most");
            assert_eq!(gzipped(&folder, &path).is_some(), made, "{name}");
            let offered = matches!(name, "least" | "most" | "young");
            let codings = open(&folder, &path).map(|file| file.made_codings());
            assert_eq!(codings, Some(if offered { encoders::CODINGS } else { Codings::NONE }));
        }
        thread::sleep(SETTLED);
        assert!(gzipped(&folder, "/young").is_some());
        assert!(gzipped(&folder, "/noise").is_none());
        let kept: usize =
            folder.tree().rules().compressor.iter().map(|it| it.kept.held()[0].0).sum();
        assert_eq!(kept, 4, "what is not worth it is known, too");
        Ok(())
    }

    #[test]
    fn tags_tell_codings_and_states_apart() -> io::Result<()> {
        let (place, folder) = folder(&[("a", 4000)], Compression::new())?;
        let tag = |coding| {
            let file = open(&folder, "/a")?;
            let file = if coding == Coding::Identity {
                file
            } else {
                block_on(file.encode(coding)).ok()?
            };
            file.etag
        };
        let all: Vec<_> = Coding::BY_PREFERENCE
            .into_iter()
            .filter(|coding| *coding == Coding::Identity || encoders::CODINGS.contains(*coding))
            .map(tag)
            .collect();
        assert!(all.iter().all(Option::is_some), "{all:?}");
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| other != one), "{all:?}");
        }
        let before = tag(Coding::Gzip);
        assert_eq!(tag(Coding::Gzip), before);
        // The same length, and the time of the last change put back.
        let path = place.path().join("a");
        let modified = fs::metadata(&path)?.modified()?;
        let mut content = text(4000);
        content.reverse();
        fs::write(&path, &content)?;
        fs::File::options().write(true).open(&path)?.set_modified(modified)?;
        assert_eq!(tag(Coding::Gzip), None, "it has only just changed");
        thread::sleep(SETTLED);
        assert!(tag(Coding::Gzip).is_some_and(|after| Some(after) != before));
        Ok(())
    }

    #[test]
    fn who_waits_for_a_worker_that_never_works_gets_the_file() -> io::Result<()> {
        let (_place, folder) = folder(&[("a", 4000)], Compression::new())?;
        let Some(file) = open(&folder, "/a") else { panic!("no file") };
        assert!(block_on(coded(file.opened(), Coding::Gzip, drop)).is_none());
        // And the next one has it made.
        assert!(gzipped(&folder, "/a").is_some());
        Ok(())
    }

    #[test]
    fn large_codings_are_files_in_memory_as_long_as_there_is_room() -> io::Result<()> {
        let (_place, folder) =
            folder(&[("small", 10_000), ("large", 200_000)], Compression::new())?;
        let file = |path| gzipped(&folder, path).map(|made| made.file.is_some());
        assert_eq!(file("/small"), Some(false));
        assert_eq!(file("/large"), Some(cfg!(target_os = "linux")));
        let places = Arc::new(());
        let octets = vec![b'x'; 100_000];
        let files: Vec<_> = (0..200).map_while(|_| MemoryFile::of(&octets, &places)).collect();
        let most = if cfg!(target_os = "linux") { descriptors() } else { 0 };
        assert_eq!(files.len() as u64, most);
        drop(files);
        assert_eq!(MemoryFile::of(&octets, &places).is_some(), most > 0);
        Ok(())
    }
}
