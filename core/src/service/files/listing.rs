//! The page that lists a directory.

use super::Files;
use crate::bytes::ascii::Decimal;
use crate::grammar::date::{UnixTime, iso_minutes};
use crate::message::Status;
use crate::semantics::path::{Path, percent_encode};
use crate::server::{Error, Exchange, Responded, Stream, Transport};
use crate::service::html::escape;
use crate::service::storage::{Entries, Entry, Storage};

const TOP: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n<title>Index of ";
const STYLE: &str = "</title>\n<style>\n\
    body{font:1em/1.5 system-ui,sans-serif;margin:auto;max-width:60em;padding:1em}\n\
    h1{font-size:1.25em;overflow-wrap:anywhere}\n\
    table{border-collapse:collapse;width:100%}\n\
    td{border-top:1px solid #8884;padding:.4em .5em;vertical-align:top}\n\
    td:first-child{overflow-wrap:anywhere;width:100%}\n\
    td+td{text-align:right;white-space:nowrap;opacity:.7;font-variant-numeric:tabular-nums}\n\
    a{display:block;text-decoration:none}a:hover{text-decoration:underline}\n\
    @media(max-width:30em){td+td+td{display:none}}\n\
    </style>\n</head>\n<body>\n<h1>Index of ";
const TABLE: &str = "</h1>\n<table>\n";
const PARENT: &str = "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
const EMPTY: &str = "<tr><td>Nothing is in this folder.</td></tr>\n";
const BOTTOM: &str = "</table>\n</body>\n</html>\n";

impl<S: Storage> Files<'_, S> {
    /// Lists a directory. One entry at a time is held here.
    pub(super) async fn list<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
        mut entries: S::Entries,
        path: Path<'c>,
    ) -> Result<Responded<'c, T>, Error<T::Error>> {
        let mut stream = exchange
            .respond(Status::OK)
            .content_type("text/html; charset=utf-8")
            .field("X-Content-Type-Options", "nosniff")
            .stream();
        if stream.omits_content() {
            return stream.finish();
        }
        queue(&mut stream, [TOP]).await?;
        title(&mut stream, &path).await?;
        queue(&mut stream, [STYLE]).await?;
        title(&mut stream, &path).await?;
        queue(&mut stream, [TABLE]).await?;
        let is_root = path.segments().next().is_none();
        if !is_root {
            queue(&mut stream, [PARENT]).await?;
        }
        let mut is_empty = true;
        // Where the storage fails, the page must not look whole.
        while let Some(entry) = entries.next().await.map_err(|_| Error::Cut)? {
            if path.child(entry.name).is_some_and(|child| self.shows(&child)) {
                row(&mut stream, &entry).await?;
                is_empty = false;
            }
        }
        if is_empty {
            queue(&mut stream, [EMPTY]).await?;
        }
        queue(&mut stream, [BOTTOM]).await?;
        stream.finish()
    }
}

async fn title<T: Transport>(
    stream: &mut Stream<'_, T>,
    path: &Path<'_>,
) -> Result<(), Error<T::Error>> {
    queue(stream, ["/"]).await?;
    for segment in path.segments() {
        text(stream, segment).await?;
        queue(stream, ["/"]).await?;
    }
    Ok(())
}

async fn row<T: Transport>(
    stream: &mut Stream<'_, T>,
    entry: &Entry<'_>,
) -> Result<(), Error<T::Error>> {
    let &Entry { name, is_directory, is_link, len, modified } = entry;
    let slash = if is_directory { "/" } else { "" };
    queue(stream, ["<tr><td><a href=\""]).await?;
    for piece in percent_encode(name) {
        stream.queue(piece.as_bytes()).await?;
    }
    queue(stream, [slash, "\">"]).await?;
    text(stream, name).await?;
    queue(stream, [slash, if is_link { " &#8618;" } else { "" }, "</a></td><td>"]).await?;
    if !is_directory {
        size(stream, len).await?;
    }
    queue(stream, ["</td><td>"]).await?;
    if let Some(modified) = modified {
        time(stream, modified).await?;
    }
    queue(stream, ["</td></tr>\n"]).await
}

/// Octets as text; what is not UTF-8, or a control, is shown as U+FFFD.
async fn text<T: Transport>(
    stream: &mut Stream<'_, T>,
    octets: &[u8],
) -> Result<(), Error<T::Error>> {
    for chunk in octets.utf8_chunks() {
        for (index, plain) in chunk.valid().split(char::is_control).enumerate() {
            if index > 0 {
                queue(stream, ["\u{fffd}"]).await?;
            }
            for piece in escape(plain) {
                stream.queue(piece.as_bytes()).await?;
            }
        }
        if !chunk.invalid().is_empty() {
            queue(stream, ["\u{fffd}"]).await?;
        }
    }
    Ok(())
}

/// A length as people read it, with one decimal place.
async fn size<T: Transport>(stream: &mut Stream<'_, T>, len: u64) -> Result<(), Error<T::Error>> {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    if len < 1024 {
        stream.queue(Decimal::new(len).as_bytes()).await?;
        return queue(stream, [" B"]).await;
    }
    let (mut whole, mut rest, mut unit) = (len >> 10, len & 1023, 0);
    while whole >= 1024 {
        (whole, rest, unit) = (whole >> 10, whole & 1023, unit + 1);
    }
    stream.queue(Decimal::new(whole).as_bytes()).await?;
    queue(stream, ["."]).await?;
    stream.queue(Decimal::new((rest * 10) >> 10).as_bytes()).await?;
    queue(stream, [UNITS.get(unit).copied().unwrap_or_default()]).await
}

async fn time<T: Transport>(
    stream: &mut Stream<'_, T>,
    modified: UnixTime,
) -> Result<(), Error<T::Error>> {
    let text = iso_minutes(modified);
    queue(stream, ["<time>"]).await?;
    stream.queue(&text).await?;
    // That it is UTC is part of what HTML can read as a time.
    queue(stream, ["Z</time>"]).await
}

async fn queue<T: Transport, const N: usize>(
    stream: &mut Stream<'_, T>,
    pieces: [&str; N],
) -> Result<(), Error<T::Error>> {
    for piece in pieces {
        stream.queue(piece.as_bytes()).await?;
    }
    Ok(())
}
