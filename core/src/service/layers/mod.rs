//! Services around services: each wraps an inner [`Service`](crate::Service) and is one itself, on a
//! microcontroller too.
//!
//! Their types can be written down, so that structs and statics can hold them. Pass the inner one to the
//! outer one:
//!
//! ```
//! use thimble_core::service::layers::{Cors, Guard, Watch};
//! use thimble_core::service::Files;
//! use thimble_core::{Image, Method};
//!
//! # fn services(image: Image) {
//! let files = Files::new(image);
//! let shared = Cors::new(files).origins(&["https://example.com"]).methods(&[Method::Get]);
//! let guarded = Guard::new(shared, |asked| asked.peer.is_some_and(|peer| peer.ip().is_loopback()));
//! let watched = Watch::new(guarded, |seen| {
//!     println!("{} {} {}", seen.head.target().path(), seen.status.code(), seen.length);
//! });
//! # let _ = watched;
//! # }
//! ```
//!
//! You can write your own by the same public methods: [`Exchange::refuse`](crate::Exchange::refuse),
//! [`Exchange::with_fields`](crate::Exchange::with_fields), and those of
//! [`Responded`](crate::Responded).

mod added;
mod basic;
mod cors;
mod guard;
mod hosts;
mod live;
mod mount;
mod watch;

pub use added::{AddFields, check_field};
pub use basic::{BasicAuth, Verify};
pub use cors::Cors;
pub use guard::{Asked, Guard};
pub use hosts::Hosts;
pub use live::{Change, Changes, LIVE, Live};
pub use mount::{Mount, Nothing};
pub use watch::{Seen, Watch};
