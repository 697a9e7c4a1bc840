//! The one driver: framing over embedded-io-async.
#![expect(
    clippy::manual_async_fn,
    reason = "the future of an `async fn` holds its arguments twice"
)]

pub mod blocking;
pub mod body;
mod buffer;
mod clock;
pub mod deadline;
pub mod error;
pub mod events;
pub mod exchange;
mod flush;
mod forward;
mod handler;
mod output;
mod refusal_page;
mod request;
mod responded;
pub mod responder;
pub mod route;
pub mod serve;
mod session;
pub mod stream;
pub mod transport;

pub use body::Body;
pub use clock::{Clock, NoClock};
pub use deadline::{Budget, Deadlines};
pub use error::Error;
pub use events::{Event, Events};
pub use exchange::{Exchange, Opened};
pub use handler::{Admitted, Service};
pub use refusal_page::RefusalPage;
pub use responded::{Answer, Responded};
pub use responder::{Reply, Responder};
pub use serve::Driver;
pub use session::{Buffers, Ended};
pub use stream::Stream;
pub use transport::{Half, Later, NEEDS_TLS, Phase, Receive, Record, Transmit, Transport};
