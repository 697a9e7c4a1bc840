//! The page that lists a directory.

use super::Files;
use crate::bytes::ascii::Decimal;
use crate::grammar::date::iso_minutes;
use crate::message::Status;
use crate::semantics::path::{Path, percent_encode};
use crate::server::{Error, Exchange, Responded, Transport};
use crate::service::html::{REPLACEMENT, TOP, replace, replacement};
use crate::service::storage::{Entries, Entry, Storage};

const STYLE: &str = "</title>\n<style>\n\
    body{font:1em/1.5 system-ui,sans-serif;margin:auto;max-width:60em;padding:1em}\n\
    h1{font-size:1.25em;overflow-wrap:anywhere}\n\
    table{border-collapse:collapse;width:100%}\n\
    td{border-top:1px solid #8884;padding:.4em .5em;vertical-align:top}\n\
    td:first-child{overflow-wrap:anywhere;width:100%}\n\
    td+td{text-align:right;white-space:nowrap;opacity:.7;font-variant-numeric:tabular-nums}\n\
    a{display:block;text-decoration:none}a:hover{text-decoration:underline}\n\
    @media(max-width:30em){td+td+td{display:none}}\n\
    </style>\n</head>\n<body>\n<h1>";
const TABLE: &str = "</h1>\n<table>\n";
const PARENT: &str = "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
const EMPTY: &str = "<tr><td>Nothing is in this folder.</td></tr>\n";
const BOTTOM: &str = "</table>\n</body>\n</html>\n";

impl<S: Storage> Files<'_, S> {
    /// Lists a directory. One entry at a time is held here.
    pub(super) fn list<'c, T: Transport>(
        &self,
        exchange: Exchange<'c, T>,
        entries: &mut S::Entries,
        path: &Path<'_>,
    ) -> impl Future<Output = Result<Responded<'c, T>, Error<T::Error>>> {
        let mut reply = exchange
            .respond(Status::OK)
            .content_type("text/html; charset=utf-8")
            .field("X-Content-Type-Options", "nosniff");
        self.add_cache_control(&mut reply);
        let mut stream = reply.stream();
        let mut rows = 0;
        async move {
            while !stream.omits_content() {
                // Where the storage fails, the page must not look whole.
                let entry = entries.next().await.map_err(|_| Error::Cut)?;
                if entry.is_some_and(|entry| !self.shows_in(path, entry.name)) {
                    continue;
                }
                stream.render(&|emit| part(path, rows, entry.as_ref(), emit)).await?;
                if entry.is_none() {
                    break;
                }
                rows += 1;
            }
            stream.finish()
        }
    }

    fn shows_in(&self, path: &Path<'_>, name: &[u8]) -> bool {
        path.child(name).is_some_and(|child| self.shows(&child))
    }
}

/// The row of an entry behind `rows` others, or the end of the page; and before the first, its start.
fn part(path: &Path<'_>, rows: usize, entry: Option<&Entry<'_>>, emit: &mut dyn FnMut(&[u8])) {
    if rows == 0 {
        top(path, emit);
    }
    let Some(entry) = entry else {
        if rows == 0 {
            emit(EMPTY.as_bytes());
        }
        return emit(BOTTOM.as_bytes());
    };
    row(entry, emit);
}

fn top(path: &Path<'_>, emit: &mut dyn FnMut(&[u8])) {
    for before in [TOP, STYLE] {
        emit(before.as_bytes());
        emit(b"Index of /");
        for segment in path.segments() {
            text(segment, emit);
            emit(b"/");
        }
    }
    emit(TABLE.as_bytes());
    if path.segments().next().is_some() {
        emit(PARENT.as_bytes());
    }
}

fn row(entry: &Entry<'_>, emit: &mut dyn FnMut(&[u8])) {
    let &Entry { name, is_directory, is_link, len, modified } = entry;
    let slash: &[u8] = if is_directory { b"/" } else { b"" };
    emit(b"<tr><td><a href=\"");
    percent_encode(name, emit);
    emit(slash);
    emit(b"\">");
    text(name, emit);
    emit(slash);
    if is_link {
        emit(b" &#8618;");
    }
    emit(b"</a></td><td>");
    if !is_directory {
        size(len, emit);
    }
    emit(b"</td><td>");
    if let Some(modified) = modified {
        emit(b"<time>");
        emit(&iso_minutes(modified));
        // That it is UTC is part of what HTML can read as a time.
        emit(b"Z</time>");
    }
    emit(b"</td></tr>\n");
}

/// Octets as text; what is not UTF-8, or a control, is shown as U+FFFD.
fn text(mut octets: &[u8], emit: &mut dyn FnMut(&[u8])) {
    // Not by the chunks of core: those are another decoder, and this one is linked anyway.
    while let Err(fault) = core::str::from_utf8(octets) {
        let (valid, rest) = octets.split_at_checked(fault.valid_up_to()).unwrap_or_default();
        replace(valid, shown, emit);
        emit(REPLACEMENT.as_bytes());
        octets = rest.get(fault.error_len().unwrap_or(rest.len())..).unwrap_or_default();
    }
    replace(octets, shown, emit);
}

/// What is shown instead of the first character, and its octets in UTF-8.
fn shown(text: &[u8]) -> Option<(&'static str, usize)> {
    match text {
        [0..0x20 | 0x7f, ..] => Some((REPLACEMENT, 1)),
        [0xc2, 0x80..0xa0, ..] => Some((REPLACEMENT, 2)),
        [octet, ..] => Some((replacement(*octet)?, 1)),
        [] => None,
    }
}

/// A length as people read it, with one decimal place.
fn size(len: u64, emit: &mut dyn FnMut(&[u8])) {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    if len < 1024 {
        number(len, emit);
        return emit(b" B");
    }
    let (mut whole, mut rest, mut unit) = (len >> 10, len & 1023, 0);
    while whole >= 1024 {
        (whole, rest, unit) = (whole >> 10, whole & 1023, unit + 1);
    }
    number(whole, emit);
    emit(b".");
    number((rest * 10) >> 10, emit);
    emit(UNITS.get(unit).copied().unwrap_or_default().as_bytes());
}

fn number(number: u64, emit: &mut dyn FnMut(&[u8])) {
    emit(Decimal::new(number).as_bytes());
}
