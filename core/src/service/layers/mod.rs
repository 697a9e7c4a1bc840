//! Services around services: each is a [`Service`](crate::Service) for any inner one, on a chip too.
//!
//! Their types can be written down, so that they stand in structs and statics; one is wrapped around
//! another by giving it that:
//!
//! ```
//! use thimble_core::service::layers::{Cors, Guard, Watch};
//! use thimble_core::service::Files;
//! use thimble_core::{Image, Method};
//!
//! # fn services(image: Image) {
//! let files = Files::new(image);
//! let shared = Cors::new(files).origins(&["https://example.com"]).methods(&[Method::Get]);
//! let guarded = Guard::new(shared, |_, peer| peer.is_some_and(|peer| peer.ip().is_loopback()));
//! let watched = Watch::new(guarded, |seen| {
//!     println!("{} {} {}", seen.head.target().path(), seen.status.code(), seen.length);
//! });
//! # let _ = watched;
//! # }
//! ```
//!
//! What they are made of is public: [`Exchange::refuse`](crate::Exchange::refuse),
//! [`Exchange::with_fields`](crate::Exchange::with_fields), and what a
//! [`Responded`](crate::Responded) shows.

mod cors;
mod guard;
mod watch;

pub use cors::Cors;
pub use guard::Guard;
pub use watch::{Seen, Watch};
