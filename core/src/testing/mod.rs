//! Handlers tested without a socket: a request in, a parsed reply out. With the feature `testing`,
//! which needs an allocator.
//!
//! A service is tested on a desktop, whatever it is written for: it is the same on every frontend.
//!
//! ```
//! use thimble_core::testing::{Client, Request};
//! use thimble_core::{Answer, Exchange, Method, Service, Status, Transport};
//!
//! struct Hello;
//!
//! impl Service for Hello {
//!     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
//!         match (exchange.method(), exchange.segments()) {
//!             (Method::Get, []) => Ok(exchange.respond(Status::OK).text("Hello, world!\n")),
//!             (Method::Post, ["hello"]) => {
//!                 let (form, respond) = exchange.form().await?;
//!                 let name = form.get("name").unwrap_or("nobody");
//!                 respond.status(Status::OK).content_type("text/plain").send(name.as_bytes()).await
//!             }
//!             (_, [] | ["hello"]) => Ok(exchange.allow(&[Method::Get, Method::Post])),
//!             _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
//!         }
//!     }
//! }
//!
//! let client = Client::new(Hello);
//! assert_eq!(client.get("/").text(), "Hello, world!\n");
//! assert_eq!(client.post_form("/hello", &[("name", "Zoë")]).text(), "Zoë");
//! assert_eq!(client.get("/other").status(), 404);
//!
//! let reply = client.send(&Request::new(Method::Delete, "/hello"));
//! assert_eq!((reply.status(), reply.field("Allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
//! ```

mod client;
mod reply;
mod request;
mod wire;

pub use client::Client;
pub use reply::Reply;
pub use request::{FormPart, Request};
