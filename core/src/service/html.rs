//! Text as HTML, and the page of a refusal.

use super::form::{FormField, FormFile};
use crate::bytes::ascii::Decimal;
use crate::message::Refusal;
use crate::server::RefusalPage;

/// Escapes `text` for HTML, within an element or a quoted attribute value, and gives it to `emit` in
/// pieces. NUL, which HTML can't show, becomes U+FFFD.
pub fn escape(text: &str, emit: &mut dyn FnMut(&[u8])) {
    escape_octets(text.as_bytes(), emit);
}

/// [`escape`] for octets of a text, wherever it was divided.
fn escape_octets(octets: &[u8], emit: &mut dyn FnMut(&[u8])) {
    replace(octets, |rest| Some((replacement(*rest.first()?)?, 1)), emit);
}

/// Gives `emit` `octets` in pieces, with all replaced for which `find` has something else to show: it
/// looks at what stands at the start of what is left, and says how many octets that is.
pub(super) fn replace(
    mut octets: &[u8],
    find: fn(&[u8]) -> Option<(&'static str, usize)>,
    emit: &mut dyn FnMut(&[u8]),
) {
    let mut plain = 0;
    while let Some((before, rest @ [_, ..])) = octets.split_at_checked(plain) {
        plain += 1;
        if let Some((shown, length)) = find(rest) {
            emit(before);
            emit(shown.as_bytes());
            octets = rest.get(length..).unwrap_or_default();
            plain = 0;
        }
    }
    emit(octets);
}

/// What stands for an octet that means something else in HTML.
pub(super) const fn replacement(octet: u8) -> Option<&'static str> {
    Some(match octet {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        b'\0' => REPLACEMENT,
        _ => return None,
    })
}

/// What a page that is made here begins with, up to its title.
pub(super) const TOP: &str = "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n\
    <meta name=viewport content=\"width=device-width\">\n<link rel=icon href=data:,>\n<title>";

/// What ends the title of such a page, and begins its style: the colors of the demo site, `--a` for what can be
/// used, over `--p`. All text has a contrast of 4.5 at least.
pub(super) const STYLE: &str = "</title>\n<style>\n\
    :root{color-scheme:light dark;--p:#faf6ee;--i:#24211c;--a:#835608}\n\
    @media(prefers-color-scheme:dark){:root{--p:#171a1d;--i:#ebe5d9;--a:#e3b15e}}\n\
    body{font:1em/1.5 system-ui,sans-serif;margin:auto;max-width:60em;padding:1em;overflow-wrap:anywhere;\
    background:var(--p);color:var(--i)}\n\
    h1{font-size:1.6em}h1::after{content:\"\";display:block;width:2em;margin:.5em 0;border-top:.2em solid var(--a)}\n\
    a{color:var(--a)}:focus-visible{outline:3px solid var(--a)}\n";

/// What ends the style of such a page, and begins its content.
pub(super) const BODY: &str = "</style>\n<main>\n<h1>";

/// What such a page ends with.
pub(super) const BOTTOM: &str = "</main>\n";

/// A small page that shows a refusal, with a link to `/`. It fits a phone's screen, and follows the
/// browser's dark mode.
pub const REFUSAL_PAGE: &RefusalPage = &RefusalPage::new(show_refusal);

fn show_refusal(refusal: &Refusal, emit: &mut dyn FnMut(&[u8])) {
    let Refusal { status, reason, .. } = *refusal;
    let title = |emit: &mut dyn FnMut(&[u8])| {
        emit(Decimal::new(status.code().into()).as_bytes());
        emit(b" ");
        escape(status.reason(), emit);
    };
    emit(TOP.as_bytes());
    title(emit);
    emit(STYLE.as_bytes());
    emit(b"main{margin:10vh auto;max-width:34em}a{display:inline-block;padding:.65em 0}\n");
    emit(BODY.as_bytes());
    title(emit);
    emit(b"</h1>\n");
    // The line has it behind a colon; here it is a sentence.
    if let [first, rest @ ..] = reason.as_bytes() {
        emit(b"<p>");
        escape_octets(&[first.to_ascii_uppercase()], emit);
        escape_octets(rest, emit);
        emit(if reason.ends_with(['.', '!', '?']) { b"</p>\n" } else { b".</p>\n" });
    }
    emit(b"<p><a href=\"/\">Back to the start</a></p>\n");
    emit(BOTTOM.as_bytes());
}

/// What is shown in place of what can't be (U+FFFD).
pub(super) const REPLACEMENT: &str = "\u{fffd}";

/// Gives `emit` fields in the order they were sent, or pairs of names and values, as pieces of a
/// description list. Files have their type and size behind their name.
pub fn list<'a, F: Into<FormField<'a>>>(
    fields: impl Iterator<Item = F>,
    emit: &mut dyn FnMut(&[u8]),
) {
    for piece in Pieces::new(fields) {
        piece.show(emit);
    }
}

/// Octets of text that a piece of a list shows at most.
const PIECE: usize = 256;

/// A piece of a list: markup, and some text or a number behind it. None is long, for it is shown again from its
/// beginning when there was no room for all of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece<'a> {
    markup: &'static str,
    text: &'a [u8],
    number: Option<u64>,
}

impl Piece<'_> {
    /// Gives it to `emit`, the text escaped.
    pub(super) fn show(&self, emit: &mut dyn FnMut(&[u8])) {
        emit(self.markup.as_bytes());
        escape_octets(self.text, emit);
        if let Some(number) = self.number {
            emit(Decimal::new(number).as_bytes());
        }
    }
}

/// The pieces of what [`list`] shows.
pub(super) struct Pieces<'a, I> {
    fields: Option<I>,
    /// What is left of a field.
    parts: [Piece<'a>; 5],
    part: usize,
}

impl<I> Pieces<'_, I> {
    pub(super) fn new(fields: I) -> Self {
        let mut parts = [Piece::default(); 5];
        let [.., last] = &mut parts;
        last.markup = "<dl class=\"form\">";
        Self { fields: Some(fields), parts, part: 4 }
    }
}

impl<'a, F: Into<FormField<'a>>, I: Iterator<Item = F>> Iterator for Pieces<'a, I> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.part == self.parts.len() {
            let part =
                |markup, text: &'a str| Piece { markup, text: text.as_bytes(), number: None };
            if let Some(field) = self.fields.as_mut()?.next() {
                let field = field.into();
                let FormField { name, value, file } = field;
                let (name, mut value) = (part("<dt>", name), part("</dt><dd>", value));
                // Where no file was chosen, there is nothing to say of it.
                let file = file.filter(|_| field.has_file());
                if let Some(FormFile { content_type, size }) = file {
                    let size_part = Piece { number: Some(size), ..part("</bdi>, ", "") };
                    let end =
                        if size == 1 { " byte)</small></dd>" } else { " bytes)</small></dd>" };
                    // What comes from a stranger doesn't change the direction of what is beside it.
                    value.markup = "</dt><dd><bdi>";
                    let content_type = part("</bdi> <small>(<bdi>", content_type);
                    self.parts = [name, value, content_type, size_part, part(end, "")];
                    self.part = 0;
                } else {
                    self.parts = [name, name, name, value, part("</dd>", "")];
                    self.part = 2;
                }
            } else {
                self.fields = None;
                self.parts = [part("</dl>", ""); 5];
                self.part = 4;
            }
        }
        let Piece { markup, text, number } = self.parts.get_mut(self.part)?;
        let (shown, rest) = text.split_at_checked(PIECE).unwrap_or((text, b""));
        let piece = Piece { markup, text: shown, number: *number };
        (*markup, *text) = ("", rest);
        if rest.is_empty() {
            self.part += 1;
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Status;
    use std::string::String;
    use std::vec::Vec;

    fn emitted(render: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
        let mut octets = Vec::new();
        render(&mut |piece| octets.extend_from_slice(piece));
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn escaped_text_is_only_text() {
        for (text, expected) in [
            (
                "<a href=\"'\">&\0\u{e9}</a>",
                "&lt;a href=&quot;&#39;&quot;&gt;&amp;\u{fffd}\u{e9}&lt;/a&gt;",
            ),
            ("", ""),
        ] {
            assert_eq!(emitted(|emit| escape(text, emit)), expected);
        }
    }

    #[test]
    fn a_refusal_is_a_sentence_and_only_text() {
        for (reason, shown) in [
            ("nothing is here", "<p>Nothing is here.</p>"),
            ("on or off?", "<p>On or off?</p>"),
            ("<b>", "<p>&lt;b&gt;.</p>"),
            ("\u{e4}", "<p>\u{e4}.</p>"),
        ] {
            let page = emitted(|emit| show_refusal(&Refusal::new(Status::NOT_FOUND, reason), emit));
            assert!(
                page.contains(shown) && page.contains("<title>404 Not Found</title>"),
                "{page}"
            );
        }
        let page = emitted(|emit| show_refusal(&Refusal::new(Status::NOT_FOUND, ""), emit));
        assert_eq!(page.matches("<p>").count(), 1);
    }

    #[test]
    fn no_piece_of_a_list_is_long() {
        let long = "<".repeat(3 * PIECE + 1);
        let short = "<".repeat(PIECE);
        let fields = [(long.as_str(), ""), ("a", short.as_str())];
        let pieces = || Pieces::new(fields.into_iter());
        let lengths = pieces().map(|piece| emitted(|emit| piece.show(emit)).len());
        assert!(lengths.max().unwrap() <= "</dt><dd>".len() + PIECE * "&quot;".len());
        assert_eq!(pieces().count(), 1 + (4 + 1 + 1) + 3 + 1);
        let shown = emitted(|emit| list(fields.into_iter(), emit));
        assert_eq!(shown.matches("&lt;").count(), 4 * PIECE + 1);
    }

    #[test]
    fn files_have_their_type_and_size() {
        let file = |value, size| {
            let file = Some(FormFile { content_type: "a/b; c=\"<\"", size });
            FormField { name: "f", value, file }
        };
        let fields = [file("<f>", 0), file("", 1), file("", 0)];
        let shown = emitted(|emit| list(fields.into_iter(), emit));
        let expected = "<dl class=\"form\">\
            <dt>f</dt><dd><bdi>&lt;f&gt;</bdi> <small>(<bdi>a/b; c=&quot;&lt;&quot;</bdi>, 0 bytes)</small></dd>\
            <dt>f</dt><dd><bdi></bdi> <small>(<bdi>a/b; c=&quot;&lt;&quot;</bdi>, 1 byte)</small></dd>\
            <dt>f</dt><dd></dd></dl>";
        assert_eq!(shown, expected);
    }

    #[test]
    fn fields_keep_their_order() {
        let fields = [("b", "1"), ("a", ""), ("b", "<")];
        let shown = emitted(|emit| list(fields.into_iter(), emit));
        let expected = "<dl class=\"form\"><dt>b</dt><dd>1</dd><dt>a</dt><dd></dd>\
            <dt>b</dt><dd>&lt;</dd></dl>";
        assert_eq!(shown, expected);
    }
}
