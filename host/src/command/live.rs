//! Pages that load again when something changes.

use std::path::PathBuf;

use super::{Flags, Problem};
use crate::live::{MOST, Watch, Watched};
use crate::log::Log;

impl Flags {
    /// Begins to watch what is served, if pages are to load again when it changes.
    ///
    /// # Errors
    /// It can't be watched.
    pub(super) fn watched(&self, log: &Log) -> Result<Option<Watched>, Problem> {
        if !self.replies.live {
            return Ok(None);
        }
        // Each of them holds a connection, and pages need some, too.
        let watch = Watch::new(self.served()).most(MOST.min(self.max_conns / 2)).log(log.clone());
        let watch = if self.follow_links { watch.follow_links() } else { watch };
        // Whoever sends a form wants to see its page, and not another one because it was kept.
        let kept = self.files.uploads.iter().map(PathBuf::as_path);
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        let kept = kept.chain(self.database.as_ref().map(std::path::Path::new));
        let watch = kept.fold(watch, Watch::leave_out);
        watch.begin().map(Some).map_err(|error| Problem::of_watch(self.served(), &error))
    }
}
