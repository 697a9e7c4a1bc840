//! What a site does: static files over a storage, forms, and both together.
#![expect(
    clippy::manual_async_fn,
    reason = "the future of an `async fn` holds its arguments twice"
)]

mod appended;
pub mod files;
pub mod form;
pub mod html;
pub mod image;
pub mod layers;
mod order;
mod pages;
pub mod place;
pub mod site;
pub mod storage;
pub mod submissions;
pub mod uploads;

pub use appended::{Appended, AppendedFile};
pub use files::Files;
pub use form::{Form, FormField, FormFile, Multipart, Part};
pub use image::Image;
pub use pages::Pages;
pub use site::Site;
pub use storage::{Entries, Entry, File, Metadata, Node, OpenError, ReadError, Storage};
pub use submissions::{Recall, Recalled, Ring, Submission, Submissions};
pub use uploads::{Absent, Batch, Presence, Present, Uploads};
