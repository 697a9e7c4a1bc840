//! Files that wait to be compressed, and who does it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use async_lock::OnceCell;

use super::memory::MemoryFile;
use super::{Compressor, Key, Made, encoders};
use crate::contain::attempt;
use crate::folder::file::Opened;

/// Octets of files that may wait; a client waits for all of them.
const WAITING: u64 = 16 * 1024 * 1024;

/// The stack of a thread that compresses.
const STACK: usize = 1024 * 1024;

/// Files that are being compressed, or wait for it.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Jobs>);

#[derive(Debug, Default)]
struct Jobs {
    under_way: HashMap<Key, Arc<OnceCell<Made>>>,
    waiting: VecDeque<Job>,
    /// Octets of all files under way.
    octets: u64,
    workers: usize,
}

#[derive(Debug)]
struct Job {
    key: Key,
    file: Arc<Opened>,
    made: Arc<OnceCell<Made>>,
}

/// Makes all that is asked for, and ends when there is nothing left. If it is dropped before, and there is
/// no other one, nobody waits any longer.
#[derive(Debug)]
pub(in crate::folder) struct Worker {
    compressor: Arc<Compressor>,
    has_ended: bool,
}

impl Queue {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Compressor {
    /// Where a file will be found in a coding, and who is needed for that. Nothing if too much is asked for.
    pub(super) fn make(
        self: &Arc<Self>,
        key: Key,
        file: &Arc<Opened>,
    ) -> Option<(Arc<OnceCell<Made>>, Option<Worker>)> {
        let mut jobs = self.queue.jobs();
        if let Some(made) = jobs.under_way.get(&key) {
            return Some((Arc::clone(made), None));
        }
        // It may just have been made.
        if let Some(made) = self.kept.get(&key) {
            return Some((Arc::new(OnceCell::from(made)), None));
        }
        let octets = jobs.octets.saturating_add(file.len());
        if jobs.octets > 0 && octets > WAITING {
            return None;
        }
        jobs.octets = octets;
        let made = Arc::new(OnceCell::new());
        jobs.under_way.insert(key, Arc::clone(&made));
        jobs.waiting.push_back(Job { key, file: Arc::clone(file), made: Arc::clone(&made) });
        if jobs.workers >= most_workers() {
            return Some((made, None));
        }
        jobs.workers += 1;
        Some((made, Some(Worker { compressor: Arc::clone(self), has_ended: false })))
    }

    /// Tells those who wait what became of a file. What is worth it was kept before.
    fn end(jobs: &mut Jobs, job: &Job, made: Made) {
        jobs.under_way.remove(&job.key);
        jobs.octets = jobs.octets.saturating_sub(job.file.len());
        let _ = job.made.set_blocking(made);
    }
}

impl Worker {
    /// Works on a thread of its own.
    pub(in crate::folder) fn work_aside(self) {
        let thread = thread::Builder::new().name("thimble-coding".into()).stack_size(STACK);
        // If there can be none, it is dropped.
        let _ = thread.spawn(|| self.work());
    }

    /// Works on this thread.
    pub(in crate::folder) fn work(mut self) {
        while let Some(job) = self.next() {
            let compressor = &self.compressor;
            // Whether it can't be read, changes, or makes an encoder panic: it is sent as it is.
            let made = attempt(|| made(compressor, &job)).ok().flatten();
            if let Some(made) = &made {
                compressor.keep(&job.key, made);
            }
            Compressor::end(&mut compressor.queue.jobs(), &job, made.unwrap_or(Made(None)));
        }
    }

    fn next(&mut self) -> Option<Job> {
        let mut jobs = self.compressor.queue.jobs();
        let job = jobs.waiting.pop_front();
        if job.is_none() {
            jobs.workers -= 1;
            self.has_ended = true;
        }
        job
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let mut jobs = self.compressor.queue.jobs();
        jobs.workers -= 1;
        if jobs.workers > 0 {
            return;
        }
        while let Some(job) = jobs.waiting.pop_front() {
            Compressor::end(&mut jobs, &job, Made(None));
        }
    }
}

/// Half of the cores: the others are for those who serve.
fn most_workers() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// Makes a coding of a file. Nothing if the file can't be read, or isn't any longer what it was.
fn made(compressor: &Compressor, job: &Job) -> Option<Made> {
    let Job { key: Key { stamp, coding, .. }, file, .. } = job;
    let plain = file.read(stamp)?;
    let made = encoders::encode(*coding, &plain)?;
    if made.len() >= plain.len() {
        return Some(Made(None));
    }
    let memory = MemoryFile::of(&made, &compressor.places);
    Some(Made(Some(Arc::new(file.coded(*coding, made.into(), memory)))))
}
