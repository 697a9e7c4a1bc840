//! Pages that load again by themselves when what they are made of changes.

use core::future::{pending, poll_fn};
use core::pin::pin;
use core::task::Poll;

use crate::message::{Method, Status};
use crate::semantics::query::Encoded;
use crate::server::{Admitted, Answer, Event, Exchange, Service, Transport};

/// The folder of what is served here. It is hidden, so that it is no folder of a site.
const FOLDER: &str = ".thimble";
const SCRIPT: &str = include_str!("live.js");

/// What a page has at its end to load again: see [`Appended`](crate::service::Appended). The script is not
/// within the page, so that a Content-Security-Policy of `script-src 'self'` lets it run.
pub const LIVE: &str = "<script src=\"/.thimble/live.js\" async></script>\n";

/// Tells pages when they should load again, by server-sent events: at `/.thimble/live.js` is the script that
/// [`LIVE`] has in them, and at `/.thimble/live` what it listens to. All other requests go to the service
/// within, whose pages have that text at their ends by [`Appended`](crate::service::Appended).
///
/// A page says how long ago it was asked for, and hears of what has changed since: so it makes no difference
/// which of several processes it is connected to, or whether the server was away meanwhile. A style sheet
/// that has changed alone is replaced within the page. A form is never sent again. A page that nobody sees
/// holds no connection.
///
/// # Examples
/// ```
/// use core::future::pending;
///
/// use thimble_core::service::Appended;
/// use thimble_core::service::layers::{Change, Changes, LIVE, Live};
/// use thimble_core::testing::Client;
/// use thimble_core::{Files, Image};
///
/// /// Pages that were made anew once, five seconds ago.
/// struct Once;
///
/// impl Changes for Once {
///     type Name = &'static str;
///
///     fn now(&self) -> u64 {
///         6000
///     }
///
///     async fn next(&self, since: u64) -> Change<&'static str> {
///         if since < 1000 { Change::Page } else { pending().await }
///     }
/// }
///
/// # fn served(image: Image) {
/// let files = Files::new(Appended::new(image, LIVE));
/// let client = Client::new(Live::new(files, Once));
/// assert!(client.get("/").text().ends_with(LIVE));
/// assert_eq!(client.get("/.thimble/live?age=5500").text(), "event: page\ndata: \n\n");
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Live<S, C> {
    inner: S,
    changes: C,
}

/// Knows when what pages are made of has changed. `None` knows of no changes, and a [`Live`] of it passes all
/// requests on.
///
/// `thimble_host::live` watches a folder.
#[expect(async_fn_in_trait, reason = "`Send` follows from what knows it, as DESIGN asks")]
pub trait Changes {
    /// The path of a style sheet.
    type Name: AsRef<str>;

    /// Milliseconds since some moment.
    fn now(&self) -> u64;

    /// Waits until something has changed after `since`, by [`now`](Self::now). It should return
    /// [`Change::None`] every few seconds, so that clients which have left are noticed.
    async fn next(&self, since: u64) -> Change<Self::Name>;

    /// Makes room for one more client that is to be told. Without room it is false, and the client asks again
    /// after a second.
    fn begin(&self) -> bool {
        true
    }

    /// One client is told no more.
    fn end(&self) {}

    /// Whether any changes are told.
    fn is_on(&self) -> bool {
        true
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<N> {
    /// Nothing, for a while.
    None,
    /// Something that pages have to load again for.
    Page,
    /// Nothing but a style sheet.
    Style {
        /// Its path, decoded, with a slash in front.
        name: N,
        /// When.
        at: u64,
    },
}

impl<S, C: Changes> Live<S, C> {
    /// Tells the pages of `inner` of `changes`.
    pub const fn new(inner: S, changes: C) -> Self {
        Self { inner, changes }
    }

    /// Passes the exchange on, or answers it: for a service that is several layers at once.
    ///
    /// # Errors
    /// The answer.
    pub fn pass<'c, T: Transport>(
        &'c self,
        mut exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Result<Exchange<'c, T>, Answer<'c, T>>> {
        async move {
            let is_script = match exchange.segments() {
                [FOLDER, "live.js"] => true,
                [FOLDER, "live"] => false,
                _ => return Ok(exchange),
            };
            if !self.changes.is_on() {
                return Ok(exchange);
            }
            if let Err(error) = exchange.skip_chunks().await {
                return Err(Err(error));
            }
            if exchange.method() != Method::Get {
                return Err(Ok(exchange.allow(&[Method::Get])));
            }
            if is_script {
                let reply = exchange
                    .respond(Status::OK)
                    .content_type("text/javascript; charset=utf-8")
                    .field("X-Content-Type-Options", "nosniff")
                    .field("Cache-Control", "no-cache");
                return Err(Ok(reply.content(SCRIPT.as_bytes())));
            }
            Err(self.tell(exchange).await)
        }
    }

    /// Tells a page what changes, until it has to load again.
    async fn tell<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let age: Option<u64> = exchange.query().get("age").and_then(Encoded::parse);
        // A change in the same tick of the clock may have come later.
        let since = self.changes.now().saturating_sub(age.unwrap_or_default());
        let mut since = since.saturating_sub(1);
        let mut events = exchange.events().await?;
        let room = Room::of(&self.changes);
        // What was before is told in any case, also where there is no room to wait.
        let mut change = at_once(self.changes.next(since)).await;
        loop {
            match change {
                None => {}
                Some(Change::None) => events.keep_alive().await?,
                Some(Change::Page) => {
                    events.send(&Event::new("").name("page")).await?;
                    return events.finish();
                }
                Some(Change::Style { name, at }) => {
                    events.send(&Event::new(name.as_ref()).name("style")).await?;
                    since = at;
                }
            }
            if room.is_none() {
                return events.finish();
            }
            change = events.wait(self.changes.next(since)).await;
            if change.is_none() {
                return events.finish();
            }
        }
    }
}

impl<S: Service, C: Changes> Service for Live<S, C> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            match self.pass(exchange).await {
                Ok(exchange) => self.inner.call(exchange).await,
                Err(answer) => answer,
            }
        }
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.inner.fields()
    }
}

/// Room for a client, as long as it is told of changes.
struct Room<'c, C: Changes>(&'c C);

impl<'c, C: Changes> Room<'c, C> {
    fn of(changes: &'c C) -> Option<Self> {
        // Made only where there is room: what is made is dropped, and then gives room back.
        changes.begin().then(|| Self(changes))
    }
}

impl<C: Changes> Drop for Room<'_, C> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What `future` comes to, if it needn't wait.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

impl<C: Changes> Changes for Option<C> {
    type Name = C::Name;

    fn now(&self) -> u64 {
        self.as_ref().map_or(0, Changes::now)
    }

    async fn next(&self, since: u64) -> Change<C::Name> {
        match self {
            Some(changes) => changes.next(since).await,
            None => pending().await,
        }
    }

    fn begin(&self) -> bool {
        self.as_ref().is_some_and(Changes::begin)
    }

    fn end(&self) {
        if let Some(changes) = self {
            changes.end();
        }
    }

    fn is_on(&self) -> bool {
        self.as_ref().is_some_and(Changes::is_on)
    }
}

impl<C: Changes> Changes for &C {
    type Name = C::Name;

    fn now(&self) -> u64 {
        (**self).now()
    }

    async fn next(&self, since: u64) -> Change<C::Name> {
        (**self).next(since).await
    }

    fn begin(&self) -> bool {
        (**self).begin()
    }

    fn end(&self) {
        (**self).end();
    }

    fn is_on(&self) -> bool {
        (**self).is_on()
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Room for so many.
    struct Left(AtomicUsize);

    impl Changes for Left {
        type Name = &'static str;

        fn now(&self) -> u64 {
            0
        }

        async fn next(&self, _: u64) -> Change<&'static str> {
            pending().await
        }

        fn begin(&self) -> bool {
            let taken = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            taken.is_ok()
        }

        fn end(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_finds_no_room_gives_none_back() {
        let left = Left(AtomicUsize::new(1));
        let room = Room::of(&left);
        for _ in 0..3 {
            assert!(room.is_some() && Room::of(&left).is_none());
        }
        drop(room);
        assert_eq!(left.0.into_inner(), 1);
    }
}
