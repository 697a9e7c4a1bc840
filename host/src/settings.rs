//! How connections are served, over whatever sockets, and the methods that say so on each server.

use thimble_core::framing::Limits;
use thimble_core::server::{Deadlines, RefusalPage, Server, Service};
use thimble_core::service::html::REFUSAL_PAGE;

use crate::clock::SystemClock;
use crate::contain::Contained;
use crate::log::Log;

/// Connections that a server serves at a time by default.
pub const MAX_CONNS: usize = 1024;

/// A service, and what core serves it with.
pub type Serving<S> = Server<Contained<S>, SystemClock>;

/// How connections are served. A type that is built with these has the methods of
/// [`builder_methods`](crate::builder_methods).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What clients may send.
    pub limits: Limits,
    /// How long clients may take.
    pub deadlines: Deadlines,
    /// Where replies are logged.
    pub log: Log,
    /// What shows refusals to clients that accept HTML.
    pub refusal_page: Option<&'static RefusalPage>,
}

impl Default for Settings {
    fn default() -> Self {
        let (limits, deadlines) = (Limits::DESKTOP, Deadlines::DESKTOP);
        Self { limits, deadlines, log: Log::default(), refusal_page: Some(REFUSAL_PAGE) }
    }
}

impl Settings {
    /// `service`, as core serves it; a panic in it is answered by 500.
    pub fn serving<S: Service>(&self, service: S) -> Serving<S> {
        let mut serving = Serving::new(Contained(service), SystemClock, self.limits);
        serving.refusal_page = self.refusal_page;
        serving
    }
}

/// The methods by which a server is built, for its `impl`: `limits`, `deadlines`, `log` and
/// `refusal_page`, given the path from `self` to its [`Settings`]; and `max_conns`, given that to a number
/// of connections as well.
///
/// ```
/// use std::time::Duration;
///
/// use thimble_host::settings::{MAX_CONNS, Settings};
/// use thimble_host::thimble_core::Deadlines;
///
/// struct Server {
///     settings: Settings,
///     max_conns: usize,
/// }
///
/// impl Server {
///     thimble_host::builder_methods!(settings, max_conns);
/// }
///
/// let server = Server { settings: Settings::default(), max_conns: MAX_CONNS };
/// let mut deadlines = Deadlines::DESKTOP;
/// deadlines.idle = Duration::from_secs(5);
/// let server = server.deadlines(deadlines).max_conns(100);
/// assert_eq!((server.settings.deadlines.idle.as_secs(), server.max_conns), (5, 100));
/// ```
#[macro_export]
macro_rules! builder_methods {
    ($($settings:ident).+) => {
        /// Limits what clients may send; the default is
        /// [`Limits::DESKTOP`](thimble_core::framing::Limits::DESKTOP). The size of the receive buffers
        /// follows from it.
        pub const fn limits(mut self, limits: $crate::thimble_core::framing::Limits) -> Self {
            self.$($settings).+.limits = limits;
            self
        }

        /// Limits how long clients may take; the default is
        /// [`Deadlines::DESKTOP`](thimble_core::server::Deadlines::DESKTOP).
        pub const fn deadlines(
            mut self,
            deadlines: $crate::thimble_core::server::Deadlines,
        ) -> Self {
            self.$($settings).+.deadlines = deadlines;
            self
        }

        /// Logs to `log`; the default is to log only what the application does wrong, on standard
        /// error.
        pub fn log(mut self, log: $crate::Log) -> Self {
            self.$($settings).+.log = log;
            self
        }

        /// Shows refusals by `page` to clients that accept HTML; the default is
        /// [`REFUSAL_PAGE`](thimble_core::service::html::REFUSAL_PAGE). With `None` they get the line of
        /// text that others get.
        pub const fn refusal_page(
            mut self,
            page: Option<&'static $crate::thimble_core::server::RefusalPage>,
        ) -> Self {
            self.$($settings).+.refusal_page = page;
            self
        }
    };
    ($($settings:ident).+, $($max_conns:ident).+) => {
        /// Serves at most `max_conns` connections at a time, at least one. The default is 1024, or fewer if
        /// the limit on open files is low. Further ones wait in the listener's queue.
        pub const fn max_conns(mut self, max_conns: usize) -> Self {
            self.$($max_conns).+ = max_conns;
            self
        }

        $crate::builder_methods!($($settings).+);
    };
}
