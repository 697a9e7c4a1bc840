//! The flags for files that come with forms.

use std::path::PathBuf;

use clap::Args;

use super::size;

/// The flags that say where files go that come with forms, and how large they may be.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Forms")]
#[non_exhaustive]
pub struct UploadFlags {
    /// Keep the files that come with forms in this folder; its listing, if it is served, has a form for them
    #[arg(long, value_name = "DIR", conflicts_with = "no_forms")]
    pub uploads: Option<PathBuf>,

    /// Largest form with files to accept, all of them together
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size::octets)]
    pub max_upload: usize,
}
