//! Content that is kept in a temporary file until the script takes it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::waiting::Waiting;
use crate::clock::moment;

/// Octets that are written and read at a time.
pub(super) const PIECE: usize = 256 * 1024;

/// A queue of octets: in memory as long as they are few, in a file without a name else.
#[derive(Debug)]
pub(super) struct Spool {
    most: u64,
    /// What is not in the file yet.
    memory: Vec<u8>,
    file: Option<Arc<File>>,
    /// What of the file is still to be taken.
    start: u64,
    end: u64,
}

impl Spool {
    /// Room for `most` octets.
    pub(super) const fn new(most: u64) -> Self {
        Self { most, memory: Vec::new(), file: None, start: 0, end: 0 }
    }

    /// Octets that are in it.
    pub(super) const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start).saturating_add(self.memory.len() as u64)
    }

    /// Octets that it takes up: in the file also those that were taken, until all were.
    const fn size(&self) -> u64 {
        self.end.saturating_add(self.memory.len() as u64)
    }

    /// Whether there is room for more.
    pub(super) const fn has_room(&self) -> bool {
        self.size() < self.most
    }

    /// Appends `octets`.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] if there is no room, and those of the disk.
    pub(super) async fn push(&mut self, octets: &[u8], waiting: &impl Waiting) -> io::Result<()> {
        if self.size().saturating_add(octets.len() as u64) > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.memory.extend_from_slice(octets);
        if self.memory.len() >= PIECE { self.write(waiting).await } else { Ok(()) }
    }

    /// Puts what is in memory into the file.
    async fn write(&mut self, waiting: &impl Waiting) -> io::Result<()> {
        let (file, octets, at) = (self.file.clone(), std::mem::take(&mut self.memory), self.end);
        let written = waiting.apart(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(nameless()?),
            };
            file.write_all_at(&octets, at)?;
            Ok::<_, io::Error>((file, octets))
        });
        let (file, mut octets) = written.await??;
        self.end = self.end.saturating_add(octets.len() as u64);
        self.file = Some(file);
        octets.clear();
        self.memory = octets;
        Ok(())
    }

    /// Takes the next octets out, if there are any.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) async fn take(&mut self, waiting: &impl Waiting) -> io::Result<Vec<u8>> {
        let Some(file) = self.file.clone().filter(|_| self.start < self.end) else {
            return Ok(std::mem::take(&mut self.memory));
        };
        let (start, left) = (self.start, self.end.saturating_sub(self.start));
        let count = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let read = waiting.apart(move || {
            let mut octets = vec![0; count];
            file.read_exact_at(&mut octets, start).map(|()| octets)
        });
        let octets = read.await??;
        self.start = self.start.saturating_add(count as u64);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        Ok(octets)
    }

    /// All of it as a file that is read from its start.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) async fn into_file(mut self, waiting: &impl Waiting) -> io::Result<File> {
        self.write(waiting).await?;
        // Nobody else has it.
        let file = self.file.take().and_then(Arc::into_inner);
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A file that only who opens it has: its name is gone at once.
fn nameless() -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (id, now) = (std::process::id(), moment().subsec_nanos());
    let path = std::env::temp_dir().join(format!("thimble-{id}-{now}-{number}"));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::cgi::waiting::tests::Here;
    use crate::park::block_on;

    #[test]
    fn octets_come_out_as_they_went_in() -> io::Result<()> {
        let noise: Vec<u8> = (0..700_000u32).flat_map(u32::to_le_bytes).collect();
        block_on(async {
            let mut spool = Spool::new(3_000_000);
            let mut taken = Vec::new();
            for (number, piece) in noise.chunks(10_000).enumerate() {
                spool.push(piece, &Here).await?;
                if number % 7 == 3 {
                    taken.extend(spool.take(&Here).await?);
                }
            }
            while spool.len() > 0 {
                taken.extend(spool.take(&Here).await?);
            }
            assert!(taken == noise);

            for length in [0, 10, PIECE, noise.len()] {
                let mut spool = Spool::new(noise.len() as u64);
                for piece in noise[..length].chunks(9999) {
                    spool.push(piece, &Here).await?;
                }
                assert_eq!(spool.has_room(), length < noise.len());
                let mut read = Vec::new();
                spool.into_file(&Here).await?.read_to_end(&mut read)?;
                assert!(read == noise[..length], "{length}");
            }
            Ok(())
        })
    }

    #[test]
    fn there_is_room_for_so_much_and_no_more() {
        let mut spool = Spool::new(4);
        assert!(block_on(spool.push(b"abcd", &Here)).is_ok());
        let error = block_on(spool.push(b"e", &Here)).err().map(|error| error.kind());
        assert_eq!((error, spool.len()), (Some(io::ErrorKind::FileTooLarge), 4));
    }
}
