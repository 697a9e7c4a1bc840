//! How connections are served, and the builder methods that every server has for that.

use thimble_core::framing::Limits;
use thimble_core::server::{Deadlines, Driver, RefusalPage, Service};
use thimble_core::service::html::REFUSAL_PAGE;

use crate::clock::SystemClock;
use crate::contain::Contained;
use crate::log::Log;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The most connections that a server serves at a time by default.
pub const MAX_CONNS: usize = 1024;

/// The core's server for `S`, with the system's clock. A panic in `S` is answered by 500.
pub type Serving<S> = Driver<Contained<S>, SystemClock>;

/// How connections are served. [`builder_methods`](crate::builder_methods) writes the methods that set
/// these fields for a server that holds them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The sizes that a client's requests may have.
    pub limits: Limits,
    /// The time that a client may take in each phase.
    pub deadlines: Deadlines,
    /// The log of requests, replies and failures.
    pub log: Log,
    /// Writes the page of a refusal for clients that accept HTML. With `None`, they get a line of text.
    pub refusal_page: Option<&'static RefusalPage>,
    /// With the feature `tls`: how TLS is spoken; `None` to serve in the clear.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
}

impl Default for Settings {
    fn default() -> Self {
        let (limits, deadlines) = (Limits::DESKTOP, Deadlines::DESKTOP);
        Self {
            limits,
            deadlines,
            log: Log::default(),
            refusal_page: Some(REFUSAL_PAGE),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Settings {
    /// Makes the core's server for `service`.
    pub fn serving<S: Service>(&self, service: S) -> Serving<S> {
        let mut serving = Serving::new(Contained(service), SystemClock, self.limits);
        serving.refusal_page = self.refusal_page;
        serving
    }
}

/// Writes builder methods into the `impl` of a server: `limits`, `deadlines`, `log` and `refusal_page`.
///
/// The first argument is the path from `self` to the server's [`Settings`]. With a second one, the path to
/// a `usize`, `max_conns` is written, too.
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
        /// Sets the limits on what clients may send; the default is
        /// [`Limits::DESKTOP`](thimble_core::framing::Limits::DESKTOP). Receive buffers are as large as
        /// they need.
        pub const fn limits(mut self, limits: $crate::thimble_core::framing::Limits) -> Self {
            self.$($settings).+.limits = limits;
            self
        }

        /// Sets how long clients may take; the default is
        /// [`Deadlines::DESKTOP`](thimble_core::server::Deadlines::DESKTOP).
        pub const fn deadlines(
            mut self,
            deadlines: $crate::thimble_core::server::Deadlines,
        ) -> Self {
            self.$($settings).+.deadlines = deadlines;
            self
        }

        /// Sets the log. The default one writes only failures of the application, to standard error.
        pub fn log(mut self, log: $crate::Log) -> Self {
            self.$($settings).+.log = log;
            self
        }

        /// Sets the page that shows refusals to clients that accept HTML; the default is
        /// [`REFUSAL_PAGE`](thimble_core::service::html::REFUSAL_PAGE). With `None`, they get the same line
        /// of text as other clients.
        pub const fn refusal_page(
            mut self,
            page: Option<&'static $crate::thimble_core::server::RefusalPage>,
        ) -> Self {
            self.$($settings).+.refusal_page = page;
            self
        }

        $crate::tls_method!($($settings).+);
    };
    ($($settings:ident).+, $($max_conns:ident).+) => {
        /// Sets how many connections are served at a time; 0 counts as 1. The default is 1024. A low limit
        /// on open files lowers it. Further connections wait in the listener's queue.
        pub const fn max_conns(mut self, max_conns: usize) -> Self {
            self.$($max_conns).+ = max_conns;
            self
        }

        $crate::builder_methods!($($settings).+);
    };
}

/// Writes the builder method `tls`, where this package has the feature `tls`.
#[cfg(feature = "tls")]
#[doc(hidden)]
#[macro_export]
macro_rules! tls_method {
    ($($settings:ident).+) => {
        /// Speaks TLS with clients; the default, `None`, is to serve in the clear.
        pub fn tls(mut self, tls: impl Into<Option<$crate::tls::Tls>>) -> Self {
            self.$($settings).+.tls = tls.into();
            self
        }
    };
}

/// Writes nothing.
#[cfg(not(feature = "tls"))]
#[doc(hidden)]
#[macro_export]
macro_rules! tls_method {
    ($($settings:ident).+) => {};
}
