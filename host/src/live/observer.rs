//! The thread that watches.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{EventKind, ModifyKind};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::fs::stat;
use rustix::io::Errno;

use super::batch::Batch;
use super::rules::Rules;
use super::{Shared, Watch, now};

/// How often it is looked whether another folder stands at the path.
const LOOK: Duration = Duration::from_millis(250);

/// How often clients are looked after, of which some may have left.
const BEAT: Duration = Duration::from_secs(5);

/// Whether each folder is watched by itself. So those that don't count take nothing of the system's limit,
/// and one that may not be read is no fault of the whole; elsewhere, the system watches all that is below one.
const BY_FOLDER: bool = cfg!(any(target_os = "android", target_os = "linux"));

/// What is watched, and what was seen of it.
pub(super) struct Observer {
    watch: Watch,
    shared: Weak<Shared>,
    heard: (Sender<Heard>, Receiver<Heard>),
    /// Nothing, while there is nothing at the path.
    watching: Option<Watching>,
    batch: Option<Batch>,
    /// Whether the log knows that something can't be watched.
    is_told: bool,
}

/// What the system says.
enum Heard {
    /// Something has changed at these paths.
    Changed(Vec<PathBuf>, Kind),
    /// So much that it isn't said what.
    Much,
    /// Something can't be watched.
    Failed(notify::Error),
}

/// Whether there may be a folder now that has to be watched, too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    HasCome,
    Other,
}

/// A folder that is watched.
struct Watching {
    watcher: RecommendedWatcher,
    target: Target,
}

/// What stands at a path.
struct Target {
    rules: Rules,
    /// Device and inode of the folder.
    identity: (u64, u64),
}

impl Target {
    fn of(watch: &Watch) -> io::Result<Self> {
        let real = watch.path.canonicalize()?;
        let (folder, only) = match (real.parent(), real.file_name()) {
            (Some(folder), Some(name)) if !real.is_dir() => (folder.to_owned(), Some(name.into())),
            _ => (real, None),
        };
        let stat = stat(&folder)?;
        let left_out = watch.left_out.iter().map(|path| without_links(path)).collect();
        #[allow(clippy::useless_conversion, reason = "they are narrower on other systems")]
        let identity = (u64::try_from(stat.st_dev).unwrap_or_default(), u64::from(stat.st_ino));
        Ok(Self { rules: Rules { folder, only, left_out }, identity })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.rules.folder == other.rules.folder
            && self.rules.only == other.rules.only
    }
}

impl Watching {
    /// Watches the target.
    fn begin(watch: &Watch, target: Target, sender: &Sender<Heard>) -> notify::Result<Self> {
        let sender = sender.clone();
        let hear = move |event| {
            if let Some(heard) = heard(event) {
                let _ = sender.send(heard);
            }
        };
        let config = Config::default().with_follow_symlinks(watch.follows_links);
        let watcher = RecommendedWatcher::new(hear, config)?;
        let mut watching = Self { watcher, target };
        let folder = watching.target.rules.folder.clone();
        if watching.target.rules.only.is_some() {
            watching.watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        } else if BY_FOLDER {
            watching.add(folder, watch.follows_links)?;
        } else {
            watching.watcher.watch(&folder, RecursiveMode::Recursive)?;
        }
        Ok(watching)
    }

    /// Watches a folder, and those in it.
    fn add(&mut self, folder: PathBuf, follows_links: bool) -> notify::Result<()> {
        let mut seen = HashSet::new();
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            // Links may lead in a circle.
            if follows_links && !folder.canonicalize().is_ok_and(|real| seen.insert(real)) {
                continue;
            }
            // First: what comes into it from now on is told.
            if let Err(error) = self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                if matches!(error.kind, ErrorKind::MaxFilesWatch)
                    || folder == self.target.rules.folder
                {
                    return Err(error);
                }
                // It is gone again, or may not be read, and then it isn't served.
                continue;
            }
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                let is_folder = kind.is_ok_and(|kind| {
                    kind.is_dir() || (follows_links && kind.is_symlink() && path.is_dir())
                });
                if is_folder && self.target.rules.count(&path) {
                    folders.push(path);
                }
            }
        }
        Ok(())
    }
}

/// What an event of the system says, if that is anything new.
fn heard(event: notify::Result<Event>) -> Option<Heard> {
    match event {
        Ok(event) if event.need_rescan() => Some(Heard::Much),
        Ok(Event { kind, paths, .. }) => match kind {
            // Being read, above all.
            EventKind::Access(_) => None,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                Some(Heard::Changed(paths, Kind::HasCome))
            }
            _ => Some(Heard::Changed(paths, Kind::Other)),
        },
        Err(error) => Some(Heard::Failed(error)),
    }
}

impl Observer {
    /// Begins to watch, and goes on in a thread until nobody has what it shares.
    pub(super) fn begin(watch: Watch, shared: Weak<Shared>) -> io::Result<()> {
        let target = Target::of(&watch)?;
        let heard = channel();
        let watching = Watching::begin(&watch, target, &heard.0);
        let watching = Some(watching.map_err(|error| io::Error::other(why(&error)))?);
        let observer = Self { watch, shared, heard, watching, batch: None, is_told: false };
        let thread = thread::Builder::new().name("thimble-live".into());
        thread.spawn(move || observer.run()).map(drop)
    }

    fn run(mut self) {
        let (mut looked, mut beaten) = (Instant::now(), Instant::now());
        loop {
            let due = self.batch.as_ref().and_then(Batch::due);
            let wait = due.map_or(LOOK, |due| due.saturating_duration_since(Instant::now()));
            if let Ok(heard) = self.heard.1.recv_timeout(wait.min(LOOK)) {
                self.hear(heard);
            }
            let Some(shared) = self.shared.upgrade() else { return };
            let now = Instant::now();
            if now.saturating_duration_since(looked) >= LOOK {
                looked = now;
                self.look();
            }
            let is_due = |batch: &mut Batch| batch.due().is_none_or(|due| due <= now);
            if let Some(batch) = self.batch.take_if(is_due) {
                let at = batch.at;
                let what = batch.what();
                shared.tell(|state| state.add(what, at));
            }
            if now.saturating_duration_since(beaten) >= BEAT {
                beaten = now;
                shared.tell(|state| state.beat = state.beat.wrapping_add(1));
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        let (paths, kind) = match heard {
            Heard::Changed(paths, kind) => (paths, kind),
            Heard::Much => return self.change(None),
            Heard::Failed(error) => return self.fail(&error),
        };
        for path in paths {
            let Some(watching) = &mut self.watching else { return };
            if !watching.target.rules.count(&path) {
                continue;
            }
            let style = watching.target.rules.style(&path);
            if BY_FOLDER && kind == Kind::HasCome && is_folder(&path, self.watch.follows_links) {
                let added = watching.add(path.clone(), self.watch.follows_links);
                if let Err(error) = added {
                    self.fail(&error);
                }
            }
            self.change(style.map(|style| (path, style)));
        }
    }

    fn change(&mut self, style: Option<(PathBuf, String)>) {
        self.batch = Some(Batch::add(self.batch.take(), now(), style));
    }

    /// Watches what stands at the path, if it is something else.
    fn look(&mut self) {
        let Ok(target) = Target::of(&self.watch) else {
            // Something may come in its place.
            self.watching = None;
            return;
        };
        if self.watching.as_ref().is_some_and(|watching| watching.target.is_same(&target)) {
            return;
        }
        self.watching = None;
        match Watching::begin(&self.watch, target, &self.heard.0) {
            Ok(watching) => {
                self.watching = Some(watching);
                self.is_told = false;
                self.change(None);
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Says once that something can't be watched.
    fn fail(&mut self, error: &notify::Error) {
        if !std::mem::replace(&mut self.is_told, true) {
            let path = self.watch.path.display();
            let line = format!("not all below '{path}' can be watched for changes: {}", why(error));
            self.watch.log.note(line.as_bytes());
        }
    }
}

/// Why nothing is watched, and what to do.
fn why(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system watches no more folders; raise fs.inotify.max_user_watches, as by sysctl"
                .into()
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            "the system has no more watchers; raise fs.inotify.max_user_instances, as by sysctl"
                .into()
        }
        ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

fn is_folder(path: &Path, follows_links: bool) -> bool {
    if follows_links { path.is_dir() } else { path.symlink_metadata().is_ok_and(|it| it.is_dir()) }
}

/// The path without links of what is or would be at `path`.
fn without_links(path: &Path) -> PathBuf {
    let parent = |path: &Path| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().ok().or_else(|| parent(&absolute)).unwrap_or(absolute)
}
