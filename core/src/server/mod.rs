//! The one driver: framing over embedded-io-async.
#![expect(
    clippy::manual_async_fn,
    reason = "the future of an `async fn` holds its arguments twice"
)]

pub mod blocking;
pub mod body;
mod draft;
pub mod error;
pub mod exchange;
pub mod output;
mod refusal_page;
mod request;
pub mod responder;
pub mod route;
pub mod serve;
mod session;
pub mod stream;
pub mod transport;

pub use body::Body;
pub use error::Error;
pub use exchange::Exchange;
pub use refusal_page::RefusalPage;
pub use responder::{Reply, Responded, Responder};
pub use serve::{Buffers, Clock, Ended, NoClock, Server, Service};
pub use stream::Stream;
pub use transport::{Half, Phase, Receive, Record, Transmit, Transport};
