//! A cache of opened files. Before each reply, a file is compared with what is at its path now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::Stat;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::negotiate::Codings;

#[cfg(feature = "compress")]
use super::compress;
use super::kept::{Cost, Kept, Room};
use super::name::Name;
use super::{Opened, steps};
use crate::clock::moment;

/// Entries, octets of small files, and descriptors of large ones that a generation holds at most.
const ENTRIES: usize = 1024;
const OCTETS: usize = 8 * 1024 * 1024;
const DESCRIPTORS: u64 = 64;

/// How long a file or directory has to have been left alone: its times have ticks, of 10 ms at most,
/// and a change in the same tick as the one before wouldn't show. Some file systems have only (even)
/// seconds.
const TICK: Duration = Duration::from_millis(50);
const COARSE_TICK: Duration = Duration::from_millis(2050);

/// The clock that file systems take their times from, where it can be read: it stands still for a
/// tick, and for longer when the machine does, and so do they.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::RealtimeCoarse;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Realtime;

/// What was looked at so lately is in the system's memory still, and to look again won't block.
const LATELY: u64 = 10;

/// How long a file is taken to stand in the codings that were found beside it. Whether one that was
/// found is still there shows when it is opened.
const BESIDE: Duration = Duration::from_millis(100);

/// What tells one state of a file or directory from every other: its identity, its size, and the
/// nanoseconds of its last change of any kind. No program can set those of `changed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    pub(super) identity: (u64, u64),
    pub(super) size: i64,
    pub(super) modified: (i64, u64),
    pub(super) changed: (i64, u64),
}

impl Stamp {
    #[expect(clippy::unnecessary_cast, reason = "systems differ in these types")]
    pub(super) const fn of(stat: &Stat) -> Self {
        Self {
            identity: (stat.st_dev as u64, stat.st_ino as u64),
            size: stat.st_size as i64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        }
    }

    /// Octets of a file.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.size).unwrap_or_default()
    }

    /// When its content was last changed. Times before 1970 can't be said.
    pub(super) fn modified(&self) -> Option<UnixTime> {
        u64::try_from(self.modified.0).ok().map(UnixTime)
    }

    /// Whether any later change will show, if it was taken at `now` (time of day) or later.
    pub(super) fn shows_later_changes(&self, now: Duration) -> bool {
        is_past(self.changed, tick(self.changed), now)
    }

    /// Whether any later change of its content will show in the second of the last one.
    pub(super) fn shows_later_content(&self, now: Duration) -> bool {
        let second = (self.modified.0, 0);
        is_past(second, tick(self.modified).max(Duration::from_secs(1)), now)
    }
}

/// How long a time may stand still that a file system says.
const fn tick((_, nanoseconds): (i64, u64)) -> Duration {
    if nanoseconds == 0 { COARSE_TICK } else { TICK }
}

/// Whether `now` is later than a time by more than `wait`.
fn is_past((seconds, nanoseconds): (i64, u64), wait: Duration, now: Duration) -> bool {
    let (Ok(seconds), Ok(fraction)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else {
        return false;
    };
    Duration::new(seconds, fraction).saturating_add(wait) < now
}

/// The time of day that a [`Stamp`] is compared with.
pub(super) fn time_of_day() -> Duration {
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// A file as it was found.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) opened: Arc<Opened>,
    pub(super) stamp: Stamp,
    /// The codings it was found in, and the directory in which they were looked for. Nothing
    /// is looked for beside a file that is itself a coding of another one.
    pub(super) beside: Option<(Codings, Stamp)>,
    /// When it was last looked at, in seconds.
    checked: AtomicU64,
    /// When its directory was, in milliseconds.
    looked_beside: AtomicU64,
}

impl Entry {
    pub(super) fn new(opened: Arc<Opened>, stamp: Stamp, beside: Option<(Codings, Stamp)>) -> Self {
        let now = moment();
        let (checked, looked_beside) = (now.as_secs().into(), milliseconds(now).into());
        Self { opened, stamp, beside, checked, looked_beside }
    }

    /// Whether its directory is still to be looked at; from now on, not for a while.
    pub(super) fn looks_beside(&self) -> bool {
        let now = milliseconds(moment());
        let is_long_ago =
            now.saturating_sub(self.looked_beside.load(Ordering::Relaxed)) >= milliseconds(BESIDE);
        if is_long_ago {
            self.looked_beside.store(now, Ordering::Relaxed);
        }
        is_long_ago
    }

    /// Whether it was looked at lately, this time not counted.
    pub(super) fn check(&self) -> bool {
        let before = self.checked.load(Ordering::Relaxed);
        self.checked.store(moment().as_secs(), Ordering::Relaxed);
        was_lately(before)
    }
}

/// Whether a moment, in seconds, was lately.
pub(super) fn was_lately(then: u64) -> bool {
    moment().as_secs().saturating_sub(then) <= LATELY
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Files as they were found, by name.
pub(super) type Cache = Kept<Name, Arc<Entry>>;

/// How much of them is kept in a generation.
pub(super) const ROOM: Room =
    Room { entries: ENTRIES, octets: OCTETS, descriptors: || of_files() / 2 };

impl Cost for Arc<Entry> {
    fn cost(&self) -> (usize, u64) {
        self.opened.cost()
    }
}

/// Descriptors that a folder takes at most for what it keeps.
pub(crate) fn descriptors() -> u64 {
    #[cfg(feature = "compress")]
    let made = compress::descriptors();
    #[cfg(not(feature = "compress"))]
    let made = 0;
    of_files().saturating_add(steps::most()).saturating_add(made)
}

fn of_files() -> u64 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 16).clamp(2, 2 * DESCRIPTORS)
}

#[cfg(test)]
mod tests {
    use std::collections::hash_map::RandomState;

    use thimble_core::semantics::negotiate::Coding;
    use thimble_core::semantics::path::Path;

    use super::*;

    /// All with one hasher.
    fn names() -> impl Fn(&str) -> Name {
        let hasher = RandomState::new();
        move |path: &str| {
            let path = Path::new(path.as_bytes()).unwrap_or(Path::ROOT);
            Name::new(&path, Coding::Identity, &hasher)
        }
    }

    fn stamp(seconds: i64, nanoseconds: u64) -> Stamp {
        Stamp { identity: (0, 0), size: 0, modified: (0, 0), changed: (seconds, nanoseconds) }
    }

    #[test]
    fn what_changed_just_now_is_not_trusted() {
        let now = Duration::new(1000, 500_000_000);
        for (stamp, settled) in [
            (stamp(1000, 449_000_000), true),
            (stamp(1000, 451_000_000), false),
            (stamp(1000, 500_000_000), false),
            (stamp(2000, 1), false),
            (stamp(-1, 1), false),
            (stamp(999, 0), false),
            (stamp(998, 0), true),
        ] {
            assert_eq!(stamp.shows_later_changes(now), settled, "{stamp:?}");
        }
    }

    #[test]
    fn a_second_is_over_once_no_change_can_fall_into_it() {
        let now = Duration::new(1000, 500_000_000);
        for (modified, settled) in [
            ((999, 400_000_000), true),
            ((999, 999_999_999), true),
            ((1000, 1), false),
            ((999, 0), false),
            ((998, 0), true),
            ((2000, 1), false),
        ] {
            let stamp = Stamp { modified, ..stamp(0, 0) };
            assert_eq!(stamp.shows_later_content(now), settled, "{stamp:?}");
        }
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_asked_for() {
        let (cache, name) = (Cache::new(ROOM), names());
        let wanted = name("/wanted");
        let entry = || {
            let opened =
                Opened::new(None, vec![0; 1024].into(), &stamp(0, 0), Duration::from_secs(9));
            Arc::new(Entry::new(Arc::new(opened), stamp(0, 0), None))
        };
        cache.insert(&wanted, entry());
        for number in 0_u32..100_000 {
            cache.insert(&name(&format!("/{number}")), entry());
            assert!(cache.get(&wanted).is_some(), "after {number}");
        }
        for (entries, octets) in cache.held() {
            assert!(entries <= ENTRIES);
            assert_eq!(octets, entries * 1024);
        }
        assert!(cache.get(&name("/0")).is_none());
        cache.clear();
        assert!(cache.get(&wanted).is_none());
    }
}
