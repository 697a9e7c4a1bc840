//! The application that every server of the case tables runs: some routes, and a site.
#![no_std]

mod setting;

use thimble_core::bytes::cursor::Cursor;
use thimble_core::message::{Method, Refusal, Status};
use thimble_core::server::{Admitted, Answer, Exchange, Service, Transport};
use thimble_core::service::layers::{AddFields, BasicAuth, Cors, Hosts};
use thimble_core::service::{Pages, Site, Storage};

pub use crate::setting::{Layer, Root, Setting, Sizes};

/// Routes, and a [`Site`] for every other path, within the layers of a setting.
#[derive(Clone, Copy, Debug)]
pub struct App<S>(AddFields<'static, Hosts<'static, Cors<'static, Guarded<S>>>>);

type Guarded<S> = BasicAuth<'static, Routes<S>, Option<Users>>;
type Users = &'static [(&'static str, &'static str)];

impl<S: Storage> App<S> {
    /// Over the files in `storage`.
    pub fn new(storage: S) -> Self {
        Self::with(Setting::USUAL, storage)
    }

    /// Over the files in `storage`, as rows with this setting expect it.
    pub fn with(setting: Setting, storage: S) -> Self {
        let pages = Pages::new(storage);
        let pages = match setting.layer {
            Layer::Pages => pages.single_page().without_extensions(),
            _ => pages,
        };
        let site = Site::new(pages).index(&["index.html", "index.htm"]);
        let site = if setting.hidden { site.show_hidden() } else { site };
        let site = if setting.listing { site } else { site.without_listings() };
        let layer = setting.layer;
        let users: Users = &[("Ada", "secret"), ("Zoë", "pass:word")];
        let is_guarded = matches!(layer, Layer::Auth | Layer::Writes | Layer::Cors);
        let auth = BasicAuth::new(Routes { site }, is_guarded.then_some(users))
            .challenge("Basic realm=\"tests\", charset=\"UTF-8\"");
        let auth = if layer == Layer::Writes { auth.for_writes() } else { auth };
        let cors = Cors::new(auth);
        let cors = match layer {
            Layer::Shared => cors.fields("*"),
            Layer::Cors => cors
                .origins(&["https://a.example", "http://localhost:5173"])
                .methods(&[Method::Get, Method::Put])
                .fields("Authorization, X-Mood")
                .max_age(600),
            _ => cors.origins(&[]),
        };
        let hosts = Hosts::new(cors);
        let hosts = match layer {
            Layer::Hosts => hosts.names(&["printer.example", "*.Lan.example"]),
            _ => hosts,
        };
        let fields: &[_] = match layer {
            Layer::Fields => {
                &[("X-Robots-Tag", "noindex"), ("Cross-Origin-Opener-Policy", "same-origin")]
            }
            _ => &[],
        };
        Self(AddFields::new(hosts, fields))
    }
}

impl<S: Storage> Service for App<S> {
    fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        self.0.call(exchange)
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.0.admit(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.0.fields()
    }
}

/// The routes.
#[derive(Clone, Copy, Debug)]
struct Routes<S> {
    site: Site<'static, Pages<S>>,
}

impl<S: Storage> Service for Routes<S> {
    async fn call<'c, T: Transport>(&'c self, mut exchange: Exchange<'c, T>) -> Answer<'c, T> {
        use Method::{Get, Post, Put};
        exchange.skip_chunks().await?;
        match (exchange.method(), exchange.segments()) {
            (Get, ["hello"]) => Ok(exchange.respond(Status::OK).text("hello\n")),
            (Post | Put, ["echo"]) => echo(exchange).await,
            (Post, ["length"]) => length(exchange).await,
            (Post, ["parts"]) => parts(exchange).await,
            (Post, ["ignore"]) => Ok(exchange.respond(Status::OK).text("ignored\n")),
            (Get, ["stream"]) => stream(exchange).await,
            (Get, ["no-content"]) => Ok(exchange.respond(Status::NO_CONTENT).empty()),
            (Get, ["not-modified"]) => Ok(exchange.respond(Status::NOT_MODIFIED).empty()),
            (Post, ["led", _]) => switch(exchange).await,
            (Get, ["segments", rest @ ..]) => segments(exchange, rest).await,
            (_, ["echo"]) => Ok(exchange.allow(&[Post, Put])),
            (_, ["length" | "parts" | "ignore"] | ["led", _]) => Ok(exchange.allow(&[Post])),
            (_, ["hello" | "stream" | "no-content" | "not-modified"] | ["segments", ..]) => {
                Ok(exchange.allow(&[Get]))
            }
            _ => self.site.call(exchange).await,
        }
    }
}

async fn echo<T: Transport>(exchange: Exchange<'_, T>) -> Answer<'_, T> {
    let (mut body, respond) = exchange.open().await?;
    let mut out = respond.status(Status::OK).content_type("application/octet-stream").stream();
    while let Some(chunk) = body.chunk().await? {
        out.write(chunk).await?;
    }
    out.finish()
}

async fn length<T: Transport>(exchange: Exchange<'_, T>) -> Answer<'_, T> {
    let (mut body, respond) = exchange.open().await?;
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        length += chunk.len() as u64;
    }
    let mut text = [0; 32];
    let mut cursor = Cursor::new(&mut text);
    cursor.push_decimal(length);
    cursor.push(b" octets\n");
    // Twenty digits at most, and eight octets.
    let count = cursor.written().unwrap_or_default();
    let text = text.get(..count).unwrap_or_default();
    respond.status(Status::OK).content_type("text/plain; charset=utf-8").send(text).await
}

async fn parts<T: Transport>(exchange: Exchange<'_, T>) -> Answer<'_, T> {
    let (mut form, respond) = exchange.multipart().await?;
    let mut text = [0; 512];
    let mut cursor = Cursor::new(&mut text);
    while let Some(mut part) = form.next().await? {
        cursor.push(part.name().as_bytes());
        if let Some(filename) = part.filename() {
            for piece in [" (", filename, ", ", part.content_type(), ")"] {
                cursor.push(piece.as_bytes());
            }
        }
        cursor.push(b": ");
        while let Some(chunk) = part.chunk().await? {
            cursor.push(chunk);
        }
        cursor.push(b"\n");
    }
    let count = cursor.written().unwrap_or_default();
    let text = text.get(..count).unwrap_or_default();
    respond.status(Status::OK).content_type("application/octet-stream").send(text).await
}

async fn stream<T: Transport>(exchange: Exchange<'_, T>) -> Answer<'_, T> {
    let reply = exchange.respond(Status::OK).content_type("text/plain; charset=utf-8");
    let mut out = reply.stream();
    for piece in ["one", "two", "three"] {
        out.write(piece.as_bytes()).await?;
    }
    out.finish()
}

async fn switch<T: Transport>(exchange: Exchange<'_, T>) -> Answer<'_, T> {
    let (form, respond) = exchange.form().await?;
    Ok(match form.get("on") {
        Some(_) => respond.see_other("/"),
        None => respond.refuse(Refusal::new(Status::UNPROCESSABLE_CONTENT, "on or off?")),
    })
}

async fn segments<'c, T: Transport>(
    exchange: Exchange<'c, T>,
    segments: &'c [&'c str],
) -> Answer<'c, T> {
    let separators = segments.len().saturating_sub(1);
    let length: usize = segments.iter().map(|segment| segment.len()).sum();
    let reply = exchange.respond(Status::OK).content_type("text/plain; charset=utf-8");
    let mut out = reply.stream_exact((length + separators) as u64);
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            out.queue(b"|").await?;
        }
        out.queue(segment.as_bytes()).await?;
    }
    out.finish()
}
