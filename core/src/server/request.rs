//! What a handler asks of a request besides its head and path.

use super::exchange::Exchange;
use super::transport::Transport;
use crate::bytes::ascii::as_str;
use crate::grammar::cookie::cookies;
use crate::semantics::path::is_file_name;
use crate::semantics::query::Query;

impl<'c, T: Transport> Exchange<'c, T> {
    /// The [segments](Self::segments) of the path, when each of them [is a file
    /// name](is_file_name): then a path that is made of them leads to nowhere but below its start.
    /// `None` for any other path, also for one that ends with a slash.
    ///
    /// A handler that opens files by their names in the path matches on these, and never on
    /// [`segments`](Self::segments). Links below the folder are followed wherever they lead: where
    /// others can make some, serve the folder by [`Files`](crate::service::Files), whose
    /// storage opens nothing outside it.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use thimble_core::testing::Client;
    /// use thimble_core::{Answer, Exchange, Method, Service, Status, Transport};
    ///
    /// struct Notes<'f> {
    ///     folder: &'f Path,
    /// }
    ///
    /// impl Service for Notes<'_> {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         match (exchange.method(), exchange.file_names()) {
    ///             (Method::Get, Some(["notes", name])) => {
    ///                 let path = self.folder.join(name);
    ///                 let shown = path.display().to_string();
    ///                 exchange.respond(Status::OK).send(shown.as_bytes()).await
    ///             }
    ///             _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
    ///         }
    ///     }
    /// }
    ///
    /// let client = Client::new(Notes { folder: Path::new("/srv/notes") });
    /// assert_eq!(client.get("/notes/a%20b").text(), "/srv/notes/a b");
    /// for path in ["/notes/..%2f..%2fetc%2fpasswd", "/notes/%2e%2e", "/notes/%2Fetc", "/notes/"] {
    ///     assert_eq!(client.get(path).status(), 404);
    /// }
    /// ```
    pub fn file_names(&self) -> Option<&'c [&'c str]> {
        Some(self.segments()).filter(|segments| segments.iter().all(|name| is_file_name(name)))
    }

    /// The query, as fields: names and values, decoded when they are looked at. Without a query there
    /// are none.
    ///
    /// ```
    /// use thimble_core::testing::Client;
    /// use thimble_core::{Answer, Exchange, Service, Status, Transport};
    ///
    /// struct Search;
    ///
    /// impl Service for Search {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         let query = exchange.query();
    ///         let page: u32 = query.get("page").and_then(|page| page.parse()).unwrap_or(1);
    ///         let answer = match query.get("q") {
    ///             Some(words) => format!("page {page} of {words}"),
    ///             None => "what?".into(),
    ///         };
    ///         exchange.respond(Status::OK).send(answer.as_bytes()).await
    ///     }
    /// }
    ///
    /// let client = Client::new(Search);
    /// assert_eq!(client.get("/?q=caf%C3%A9+%26+bar&page=3").text(), "page 3 of café & bar");
    /// assert_eq!(client.get("/").text(), "what?");
    /// ```
    pub fn query(&self) -> Query<'c> {
        self.target().query().map(Query::new).unwrap_or_default()
    }

    /// The cookies, by name and value, of all Cookie lines in their order (RFC 6265 §5.4). Values are
    /// as they were sent: with the quotes around them, if there are any, and not decoded, since no
    /// standard says how. What is not UTF-8 shows as U+FFFD.
    ///
    /// A cookie is what the client says, and nothing else: any of them may be made up, and a site on
    /// a sibling domain may have set it. Sign what must be true.
    pub fn cookies(&self) -> impl Iterator<Item = (&'c str, &'c str)> + Clone + use<'c, T> {
        let lines = self.head().fields().all("Cookie");
        lines.flat_map(cookies).map(|(name, value)| (as_str(name), as_str(value)))
    }

    /// The value of the first cookie called `name`, in that case. Browsers send the one with the
    /// longest path first (RFC 6265 §5.4).
    ///
    /// ```
    /// use thimble_core::testing::{Client, Request};
    /// use thimble_core::{Answer, Exchange, Service, Status, Transport};
    ///
    /// struct Theme;
    ///
    /// impl Service for Theme {
    ///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
    ///         let theme = exchange.cookie("theme").unwrap_or("light");
    ///         Ok(exchange.respond(Status::OK).text(theme))
    ///     }
    /// }
    ///
    /// let client = Client::new(Theme);
    /// let request = Request::get("/").field("Cookie", "id=7; theme=dark");
    /// assert_eq!(client.send(&request).text(), "dark");
    /// assert_eq!(client.get("/").text(), "light");
    /// ```
    pub fn cookie(&self, name: &str) -> Option<&'c str> {
        self.cookies().find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}
