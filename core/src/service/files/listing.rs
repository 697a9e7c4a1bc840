//! The page that lists a directory.

use super::Files;
use crate::bytes::ascii::Decimal;
use crate::grammar::date::iso_minutes;
use crate::message::{Refusal, Status};
use crate::semantics::path::{Path, percent_encode};
use crate::server::{Answer, Error, Exchange, Transport};
use crate::service::html::{BODY, BOTTOM, REPLACEMENT, STYLE, TOP, replace, replacement};
use crate::service::storage::{Entries, Entry, Storage};

/// Folders above this one that are links in its title.
const LINKED: usize = 32;

/// A name is a link as large as a finger where fingers are used, and as wide as its column. Folders
/// are bold, and dates go to two lines where there is little room.
const TABLE_STYLE: &str = "\
    h1 a{display:inline-block;padding:.2em .15em .2em 0}\n\
    table{border-collapse:collapse;width:100%}\n\
    td,th{border-top:1px solid #8884;padding:0;text-align:left;font-weight:inherit}th{border:0}\n\
    td:first-child{width:100%}\n\
    td+td,th+th{padding-left:1em;text-align:right;white-space:nowrap}\n\
    td+td,th,p{opacity:.8}\n\
    td a{display:block;padding:.4em 0;text-decoration:none}a:hover{text-decoration:underline}\n\
    td a[href$=\"/\"]{font-weight:bold}\n\
    @media(pointer:coarse),(max-width:36em){td a{padding:.7em 0}}\n\
    @media(max-width:36em){td+td,th+th{font-size:.85em;padding-left:.5em}td+td+td,th+th+th{white-space:normal;min-width:6em}}\n";
/// The end of the title.
const END: &str = "</h1>\n";
/// Files are chosen or dropped on the field itself, which needs no script.
const FORM: &str = "</h1>\n<form method=\"post\" enctype=\"multipart/form-data\" action=\"./\">\n\
    <label for=\"file\">Choose files, or drop them here</label>\n\
    <input id=\"file\" type=\"file\" name=\"file\" multiple required>\n\
    <button>Upload</button>\n</form>\n";
const FORM_STYLE: &str = "\
    form{display:flex;flex-wrap:wrap;align-items:center;gap:.5em;margin:0 0 1.5em}\n\
    label{width:100%}\n\
    input{font:inherit;flex:1 1 16em;min-width:0;padding:1.5em;border:2px dashed #888;border-radius:.5em}\n\
    ::file-selector-button,button{font:inherit;min-height:2.75em;padding:.5em 1.5em;border:1px solid;border-radius:.5em;background:0 0;color:var(--a)}\n\
    button{background:var(--a);color:var(--p);font-weight:bold}\n";
const TABLE: &str = "<table>\n<tr><th>Name<th>Size<th>Changed (UTC)\n";

impl<S: Storage> Files<'_, S> {
    /// Lists a directory. One entry at a time is held here.
    pub(super) fn list<'c, T: Transport, const TAKES_FILES: bool>(
        &self,
        exchange: Exchange<'c, T>,
        entries: &mut S::Entries,
        path: &Path<'_>,
    ) -> impl Future<Output = Answer<'c, T>> {
        async move {
            if !exchange.is_head()
                && let Err(error) = entries.begin().await
            {
                return Ok(exchange.refuse(Refusal::from(error)));
            }
            let mut reply = exchange
                .respond(Status::OK)
                .content_type("text/html; charset=utf-8")
                .field("X-Content-Type-Options", "nosniff");
            self.add_cache_control(&mut reply);
            let mut stream = reply.stream();
            let end = self.storage.end_of_pages();
            let mut rows = 0;
            while !stream.omits_content() {
                // Where the storage fails, the page must not look whole.
                let entry = entries.next().await.map_err(|_| Error::Cut)?;
                if entry.is_some_and(|entry| !self.shows_in(path, entry.name)) {
                    continue;
                }
                stream
                    .render(&|emit| {
                        part::<TAKES_FILES>(path, rows, entry.as_ref(), emit);
                        if entry.is_none() && !end.is_empty() {
                            emit(end.as_bytes());
                        }
                    })
                    .await?;
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
fn part<const TAKES_FILES: bool>(
    path: &Path<'_>,
    rows: usize,
    entry: Option<&Entry<'_>>,
    emit: &mut dyn FnMut(&[u8]),
) {
    if rows == 0 {
        top::<TAKES_FILES>(path, emit);
    }
    if let Some(entry) = entry {
        if rows == 0 {
            emit(TABLE.as_bytes());
        }
        return row(entry, emit);
    }
    if rows == 0 {
        emit(b"<p>This folder is empty.");
    } else {
        emit(b"</table>\n<p>");
        number(rows as u64, emit);
        emit(if rows == 1 { b" entry" } else { b" entries" });
    }
    emit(b"</p>\n");
    emit(BOTTOM.as_bytes());
}

fn top<const TAKES_FILES: bool>(path: &Path<'_>, emit: &mut dyn FnMut(&[u8])) {
    emit(TOP.as_bytes());
    emit(b"Index of /");
    for segment in path.segments() {
        text(segment, emit);
        emit(b"/");
    }
    emit(STYLE.as_bytes());
    emit(TABLE_STYLE.as_bytes());
    if TAKES_FILES {
        emit(FORM_STYLE.as_bytes());
    }
    emit(BODY.as_bytes());
    // Each folder on the way here is a link, and so is the root, whose own name would be a mere slash.
    let depth = path.segments().count();
    let names = core::iter::once(None).chain(path.segments().map(Some));
    for (steps, name) in (0..=depth).rev().zip(names) {
        let is_linked = (1..=LINKED).contains(&steps);
        if is_linked {
            emit(b"<a href=\"");
            for _ in 0..steps {
                emit(b"../");
            }
            emit(b"\">");
        }
        text(name.unwrap_or(b"Index of "), emit);
        emit(if is_linked { b"/</a>" } else { b"/" });
    }
    emit(if TAKES_FILES { FORM } else { END }.as_bytes());
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
    emit(if is_link { b"</a><td>link " } else { b"</a><td>" });
    if !is_directory {
        size(len, emit);
    }
    emit(b"<td>");
    if let Some(modified) = modified {
        let modified = iso_minutes(modified);
        // HTML reads it as a time of UTC by the letter, which people get from the head of the column.
        emit(b"<time datetime=\"");
        emit(&modified);
        emit(b"Z\">");
        emit(&modified);
        emit(b"</time>");
    }
    emit(b"\n");
}

/// Octets as text; what is not UTF-8, a control, or a character that does nothing but change how others
/// are shown, is shown as U+FFFD. The two that join letters are left: some scripts need them.
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
        // Controls, a soft hyphen; U+061C, which like others below sets the direction of text.
        [0xc2, 0x80..0xa0 | 0xad, ..] | [0xd8, 0x9c, ..] => Some((REPLACEMENT, 2)),
        // U+180E; U+200B, U+200E, U+200F, U+2028 to U+202E, U+2060 to U+206F; U+FEFF; U+FFF9 to U+FFFB.
        [0xe1, 0xa0, 0x8e, ..]
        | [0xe2, 0x80, 0x8b | 0x8e | 0x8f | 0xa8..=0xae, ..]
        | [0xe2, 0x81, 0xa0..=0xaf, ..]
        | [0xef, 0xbb, 0xbf, ..]
        | [0xef, 0xbf, 0xb9..=0xbb, ..] => Some((REPLACEMENT, 3)),
        // Tags: U+E0000 to U+E007F.
        [0xf3, 0xa0, 0x80 | 0x81, _, ..] => Some((REPLACEMENT, 4)),
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
