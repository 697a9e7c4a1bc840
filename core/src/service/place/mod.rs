//! Where in a page submitted fields are shown.
//!
//! They are put where a browser surely shows them as text, between tags of the body, or nowhere. To find
//! such a place, the page is read as an HTML parser reads it (HTML §13.2.5), octet by octet and without a
//! tree. Where two ways to read it are possible (a parser that ignores a start tag switches to other
//! rules than one that doesn't), it is read both ways at once, and from the place where they differ on,
//! no place is used.

mod element;

use element::{Kind, Name, Region};

/// What stands in a page where submitted fields are to be shown.
const MARKER: &[u8] = b"<!-- form -->";

/// The only element of text that may go on behind its end tag.
const SCRIPT: &[u8] = b"script";

/// Where something goes into a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The offset in octets.
    pub at: u64,
    /// Octets of the page that it replaces.
    pub replaced: u64,
}

/// The search for the place of submitted fields, in a page that is read piece by piece.
///
/// The place is the first `<!-- form -->` that is a comment among text of the body, outside of `head`,
/// `template`, `select`, `svg` and `math`. Without one, it is the end of the page, if that is not within
/// a tag, a comment, or an element whose content is not shown as text, like `script`.
///
/// # Examples
/// ```
/// use thimble_core::service::place::{Place, PlaceSearch};
///
/// let page = b"<script>'<!-- form -->'</script><p><!-- form --></p>";
/// let mut search = PlaceSearch::default();
/// search.look(page);
/// assert_eq!(search.place(page.len() as u64), Some(Place { at: 35, replaced: 13 }));
/// ```
///
/// # Complexity
/// Linear: each octet is looked at once.
#[derive(Clone, Debug, Default)]
pub struct PlaceSearch {
    next: Next,
    /// Octets that were looked at.
    seen: u64,
    /// The name of the tag that has begun, in lower case, or what stands behind a `<` in text.
    name: Name,
    /// Whether that tag is an end tag.
    is_end: bool,
    /// How much of the marker a comment is so far; 0 when it is another one.
    matched: usize,
    /// The element whose text goes on up to its end tag.
    element: Name,
    /// Whether a script has had a `<!--`: from there on, `</script>` may not end it.
    is_escaped: bool,
    /// Whether the head has begun and not ended.
    in_head: bool,
    /// The region that has begun, and how often.
    region: Option<(Region, u8)>,
}

/// What comes next. The states are those of HTML §13.2.5, less what makes no difference here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Data,
    /// Behind `<`.
    TagOpen,
    /// Behind `</`.
    EndTagOpen,
    TagName,
    BeforeAttribute,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    /// A value in quotes of this kind.
    Quoted(u8),
    Unquoted,
    AfterQuoted,
    /// Behind a `/` in a tag.
    SelfClosing,
    /// Behind `<!`.
    Markup,
    /// Behind `<!-`.
    MarkupDash,
    Comment(Comment),
    /// What ends with the next `>`.
    BogusComment,
    /// The text of an element.
    Text,
    /// Behind `<` in such a text.
    TextOpen,
    /// Whatever follows the marker.
    Marker,
    /// Whatever follows what is not trusted.
    Nothing,
}

/// Where in a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comment {
    /// Behind `<!--`.
    Start,
    /// Behind `<!---`.
    StartDash,
    Inside,
    /// Behind `-`.
    Dash,
    /// Behind `--`.
    End,
    /// Behind `--!`.
    Bang,
}

impl PlaceSearch {
    /// Looks at `octets`, which follow those that were looked at before. Returns whether nothing
    /// further can change the result.
    pub fn look(&mut self, octets: &[u8]) -> bool {
        if self.seen == 0 && octets.first().is_some_and(|first| *first >= 0xfe) {
            // No UTF-8 begins so: it is the byte order mark of UTF-16, and no octet is what it seems.
            self.next = Next::Nothing;
        }
        let end = self.seen + octets.len() as u64;
        let mut rest = octets.iter();
        while !self.is_over() {
            if let Some(stop) = self.stop() {
                let plain = rest.as_slice().iter().position(|octet| *octet == stop);
                rest =
                    rest.as_slice().get(plain.unwrap_or(rest.len())..).unwrap_or_default().iter();
            }
            let Some(octet) = rest.next() else { break };
            self.next = self.after(*octet);
        }
        self.seen = end - rest.len() as u64;
        self.is_over()
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::Marker | Next::Nothing)
    }

    /// Octets that were looked at.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The place in a page of `length` octets, all of which were looked at; `None` where there is no
    /// place that surely shows text.
    pub fn place(&self, length: u64) -> Option<Place> {
        let replaced = match self.next {
            Next::Marker => MARKER.len() as u64,
            Next::Data if self.region.is_none() && self.seen == length => 0,
            _ => return None,
        };
        Some(Place { at: self.seen.checked_sub(replaced)?, replaced })
    }

    /// The only octet that changes anything now, if there is but one.
    fn stop(&self) -> Option<u8> {
        match self.next {
            Next::Data | Next::Text => Some(b'<'),
            Next::Quoted(quote) => Some(quote),
            Next::BogusComment => Some(b'>'),
            Next::Comment(Comment::Inside) if self.matched == 0 => Some(b'-'),
            _ => None,
        }
    }

    /// What comes after `octet`.
    #[expect(clippy::match_same_arms, reason = "each state has its own")]
    fn after(&mut self, octet: u8) -> Next {
        let raw = octet;
        // All whitespace is the same.
        let octet = if matches!(octet, b'\t' | b'\n' | b'\r' | b'\x0c') { b' ' } else { octet };
        match (self.next, octet) {
            (Next::Data, b'<') => Next::TagOpen,
            (Next::Data, _) => Next::Data,

            (Next::TagOpen, b'/') => Next::EndTagOpen,
            (Next::TagOpen, b'!') => Next::Markup,
            (Next::TagOpen, b'?') => Next::BogusComment,
            (Next::TagOpen | Next::EndTagOpen, b'a'..=b'z' | b'A'..=b'Z') => {
                self.is_end = self.next == Next::EndTagOpen;
                self.name.clear();
                self.name.push(octet);
                Next::TagName
            }
            (Next::EndTagOpen, b'>') => Next::Data,
            (Next::EndTagOpen, _) => Next::BogusComment,
            (Next::TagOpen, _) => self.after_in(Next::Data, octet),

            (Next::TagName, b' ') => Next::BeforeAttribute,
            (Next::BeforeAttribute | Next::AfterAttributeName | Next::BeforeValue, b' ') => {
                self.next
            }
            (Next::AttributeName, b' ') => Next::AfterAttributeName,
            (Next::Unquoted | Next::AfterQuoted | Next::SelfClosing, b' ') => Next::BeforeAttribute,
            (
                Next::TagName
                | Next::BeforeAttribute
                | Next::AttributeName
                | Next::AfterAttributeName
                | Next::AfterQuoted
                | Next::SelfClosing,
                b'/',
            ) => Next::SelfClosing,
            (
                Next::TagName
                | Next::BeforeAttribute
                | Next::AttributeName
                | Next::AfterAttributeName
                | Next::BeforeValue
                | Next::Unquoted
                | Next::AfterQuoted
                | Next::SelfClosing,
                b'>',
            ) => self.after_tag(),
            (Next::TagName, _) => {
                self.name.push(octet);
                Next::TagName
            }
            (Next::AttributeName | Next::AfterAttributeName, b'=') => Next::BeforeValue,
            (Next::BeforeValue, b'"' | b'\'') => Next::Quoted(octet),
            (Next::BeforeValue | Next::Unquoted, _) => Next::Unquoted,
            (Next::Quoted(quote), _) if octet == quote => Next::AfterQuoted,
            (Next::Quoted(_), _) => self.next,
            (
                Next::BeforeAttribute
                | Next::AttributeName
                | Next::AfterAttributeName
                | Next::AfterQuoted
                | Next::SelfClosing,
                _,
            ) => Next::AttributeName,

            (Next::Markup, b'-') => Next::MarkupDash,
            // A section of CDATA in SVG and MathML, and in HTML a comment that ends earlier.
            (Next::Markup, b'[') if self.region.is_some() => Next::Nothing,
            (Next::MarkupDash, b'-') => {
                self.matched = b"<!--".len();
                Next::Comment(Comment::Start)
            }
            (Next::Markup | Next::MarkupDash | Next::BogusComment, b'>') => Next::Data,
            (Next::Markup | Next::MarkupDash | Next::BogusComment, _) => Next::BogusComment,
            (Next::Comment(place), _) => self.after_in_comment(place, raw),

            (Next::Text, b'<') => {
                self.name.clear();
                Next::TextOpen
            }
            (Next::Text, _) => Next::Text,
            (Next::TextOpen, _) => self.after_in_text(octet),

            (Next::Marker | Next::Nothing, _) => self.next,
        }
    }

    /// What comes after `octet`, when it is to be read in another state.
    fn after_in(&mut self, next: Next, octet: u8) -> Next {
        self.next = next;
        self.after(octet)
    }

    fn after_in_comment(&mut self, place: Comment, octet: u8) -> Next {
        let is_same = self.matched > 0 && MARKER.get(self.matched) == Some(&octet);
        self.matched = if is_same { self.matched + 1 } else { 0 };
        Next::Comment(match (place, octet) {
            (Comment::Start, b'-') => Comment::StartDash,
            (Comment::Inside | Comment::Bang, b'-') => Comment::Dash,
            (Comment::StartDash | Comment::Dash | Comment::End, b'-') => Comment::End,
            (Comment::End, b'!') => Comment::Bang,
            (Comment::Start | Comment::StartDash | Comment::End | Comment::Bang, b'>') => {
                let is_shown = self.region.is_none() && !self.in_head;
                let is_marker = is_shown && self.matched == MARKER.len();
                return if is_marker { Next::Marker } else { Next::Data };
            }
            _ => Comment::Inside,
        })
    }

    /// What comes after a whole tag, with `>` at its end.
    fn after_tag(&mut self) -> Next {
        let is_self_closing = self.next == Next::SelfClosing;
        let kind = Kind::of(self.name.as_bytes());
        match (kind, self.region) {
            (Kind::Other, _) => return Next::Data,
            (Kind::Head | Kind::Body, _) => {
                self.in_head = kind == Kind::Head && !self.is_end;
                return Next::Data;
            }
            (Kind::Region(region), _) => return self.after_tag_of(region, is_self_closing),
            _ if self.is_end => return Next::Data,
            (Kind::Opaque, _) | (Kind::OpaqueInRegion, Some(_)) => return Next::Nothing,
            // It is text or not, by rules that are not followed here.
            (Kind::Text | Kind::Html, Some(_)) if is_self_closing => return Next::Nothing,
            (Kind::Html | Kind::OpaqueInRegion, None) => return Next::Data,
            (Kind::Text | Kind::Html, _) => {}
        }
        self.element = self.name;
        self.is_escaped = false;
        Next::Text
    }

    /// What comes after the start or end tag of a region.
    fn after_tag_of(&mut self, region: Region, is_self_closing: bool) -> Next {
        self.region = match self.region {
            Some((outer, depth)) if self.is_end && outer == region => {
                depth.checked_sub(1).filter(|rest| *rest > 0).map(|rest| (outer, rest))
            }
            _ if self.is_end => self.region,
            // Of these, SVG and MathML alone can be empty by their start tag.
            _ if is_self_closing && matches!(region, Region::Svg | Region::Math) => self.region,
            None => Some((region, 1)),
            Some((outer, depth)) if outer == region => {
                let Some(depth) = depth.checked_add(1) else { return Next::Nothing };
                Some((outer, depth))
            }
            // Its end tag ends whatever is in it.
            Some((Region::Template, _)) => self.region,
            Some(_) => return Next::Nothing,
        };
        Next::Data
    }

    /// What comes after `octet` behind a `<` in the text of an element.
    fn after_in_text(&mut self, octet: u8) -> Next {
        let ends_name = match octet {
            b' ' | b'>' => true,
            b'/' => !self.name.is_empty(),
            b'<' => {
                self.name.clear();
                return if self.region.is_some() { Next::Nothing } else { Next::TextOpen };
            }
            _ => false,
        };
        if !ends_name && !self.name.is_long() {
            self.name.push(octet);
            self.is_escaped |= self.name.as_bytes() == b"!--";
            return Next::TextOpen;
        }
        if self.name.as_bytes().strip_prefix(b"/") == Some(self.element.as_bytes()) && ends_name {
            self.is_end = true;
            self.name.clear();
            return self.after_in(Next::TagName, octet);
        }
        // In a region, this may be a tag, or not.
        let is_tag_in_region = self.region.is_some();
        // Behind `<!--` and this, the next `</script>` may not end the script.
        let is_script = self.element.as_bytes() == SCRIPT;
        let nests = self.is_escaped && is_script && self.name.as_bytes() == SCRIPT;
        if is_tag_in_region || nests { Next::Nothing } else { Next::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    /// Where it is found when the page comes in pieces of `size`.
    fn found(page: &str, size: usize) -> Option<Place> {
        let mut search = PlaceSearch::default();
        for piece in page.as_bytes().chunks(size) {
            if search.look(piece) {
                break;
            }
        }
        search.place(page.len() as u64)
    }

    /// `page` with a `*` at the place; without a place, nothing.
    fn shown(page: &str) -> Option<String> {
        let whole = found(page, page.len().max(1));
        for size in 1..page.len() {
            assert_eq!(found(page, size), whole, "{page} by {size}");
        }
        whole.map(|Place { at, replaced }| {
            let [at, replaced] = [at, replaced].map(|octets| usize::try_from(octets).unwrap());
            let (before, rest) = page.split_at(at);
            format!("{before}*{}", rest.split_at(replaced).1)
        })
    }

    #[test]
    fn the_first_marker_among_text_counts() {
        for (page, expected) in [
            ("a<!-- form -->b<!-- form -->", "a*b<!-- form -->"),
            (
                "<!DOCTYPE html><title>t</title><!-- form --><p>",
                "<!DOCTYPE html><title>t</title>*<p>",
            ),
            ("<head><!-- form --></head><!-- form -->", "<head><!-- form --></head>*"),
            ("<HEAD><!-- form --><body a><!-- form -->", "<HEAD><!-- form --><body a>*"),
            ("<table><tr><td><!-- form --></table>", "<table><tr><td>*</table>"),
            ("<a b='\"'><!-- form -->", "<a b='\"'>*"),
            ("<a b=\"'\"><!-- form -->", "<a b=\"'\">*"),
            ("<a b=c\"><!-- form -->", "<a b=c\">*"),
            ("<a b=/><!-- form -->", "<a b=/>*"),
            ("<a \"><!-- form -->", "<a \">*"),
            ("<a b='c'd=\"e\"/f><!-- form -->", "<a b='c'd=\"e\"/f>*"),
            ("<a =\"><!-- form -->", "<a =\">*"),
            ("a < b <3 <<p><!-- form -->", "a < b <3 <<p>*"),
            ("</><!-- form -->", "</>*"),
            ("<!--><!-- form -->", "<!-->*"),
            ("<!---><!-- form -->", "<!--->*"),
            ("<!-- --!><!-- form -->", "<!-- --!>*"),
            ("<!-- -- > --><!-- form -->", "<!-- -- > -->*"),
            ("<?php ?><!-- form -->", "<?php ?>*"),
            ("<![CDATA[a>]]><!-- form -->", "<![CDATA[a>]]>*"),
            ("<scripts><!-- form -->", "<scripts>*"),
            (
                "<script>'<!-- form -->'</script ><!-- form -->",
                "<script>'<!-- form -->'</script >*",
            ),
            ("<script><!-- a --></script><!-- form -->", "<script><!-- a --></script>*"),
            (
                "<style>/*<!-- form -->*/</STYLE\n><!-- form -->",
                "<style>/*<!-- form -->*/</STYLE\n>*",
            ),
            (
                "<textarea></textareas></textarea/><!-- form -->",
                "<textarea></textareas></textarea/>*",
            ),
            ("<textarea/></textarea a='>'><!-- form -->", "<textarea/></textarea a='>'>*"),
            (
                "<svg><title>t</title><path/></svg><!-- form -->",
                "<svg><title>t</title><path/></svg>*",
            ),
            ("<svg/><!-- form -->", "<svg/>*"),
            (
                "<svg><svg></svg><!-- form --></svg><!-- form -->",
                "<svg><svg></svg><!-- form --></svg>*",
            ),
            ("<math><mi>x</mi></math><!-- form -->", "<math><mi>x</mi></math>*"),
            ("<select><option>a</select><!-- form -->", "<select><option>a</select>*"),
            (
                "<template><svg><!-- form --></template><!-- form -->",
                "<template><svg><!-- form --></template>*",
            ),
        ] {
            assert_eq!(shown(page).as_deref(), Some(expected));
        }
    }

    #[test]
    fn without_a_marker_it_is_the_end() {
        for page in [
            "",
            "<p>",
            "<body></body></html>\n",
            "</body>",
            "<!--form--><!-- FORM --><!--  form --><!-- form --!>",
            "<!\t- form --><!-- form -- >--><!-- form - -->",
            "<script>`</body>`</script>",
            "<a title='<!-- form -->'>",
            "<noscript><!-- form --></noscript>",
            "<template><!-- form --></template>",
            "<svg><!-- form --></svg>",
        ] {
            assert_eq!(shown(page), Some(format!("{page}*")));
        }
    }

    #[test]
    fn where_no_text_is_shown_there_is_no_place() {
        for page in [
            // What is not at its end.
            "<",
            "</",
            "<p",
            "<p ",
            "<p a='>",
            "<p a=\"><!-- form -->",
            "<!",
            "<!-- form --",
            "<!-- -->text<!-- <!-- form ->",
            "<? a",
            "</ a",
            "<script>`</body>`",
            "<script>let page = `<!-- form -->`",
            "<script></script",
            "<style><!-- form -->",
            "<title><!-- form -->",
            "<textarea><!-- form --></textarea",
            "<xmp><!-- form -->",
            "<iframe><!-- form -->",
            "<noembed><!-- form -->",
            "<noframes><!-- form -->",
            "<noscript><!-- form -->",
            "<plaintext><!-- form -->",
            "<template><!-- form -->",
            "<select><!-- form -->",
            "<svg><!-- form -->",
            "<math><!-- form -->",
            "<frameset><!-- form -->",
            // What can be read in two ways.
            "<script><!--<script></script><!-- form -->",
            "<script><!-- --><SCRIPT ></script>--><!-- form -->",
            "<svg><style><!--</style><!-- form -->--></style></svg><!-- form -->",
            "<svg><title><b></title></svg><!-- form -->",
            "<svg><style/></svg><!-- form -->",
            "<svg><![CDATA[</svg><!-- form -->]]></svg>",
            "<svg><foreignObject><div></svg></div></foreignObject><style><!--</style><!-- form -->",
            "<svg><desc><div></svg></div></desc><style><!--</style><!-- form -->",
            "<svg></math><!-- form -->",
            "<svg><p><template></svg><col><style><!--</style><!-- form -->",
            "<svg><p><math></svg><style><!--</style><!-- form -->",
            "<math><annotation-xml encoding=text/html><p></math><!-- form -->",
            "<math><mtext><p></math><!-- form -->",
            "<select><style><!--</style><!-- form -->--></style></select>",
            "<template><col><style><!--</style></template><!-- form -->",
            "<svg><select></svg><!-- form -->",
            "\u{feff}<textarea>",
        ] {
            assert_eq!(shown(page), None, "{page}");
        }
        let mut search = PlaceSearch::default();
        search.look(b"\xff\xfe<\0p\0>\0");
        assert_eq!(search.place(8), None);
    }

    #[test]
    fn what_was_not_looked_at_has_no_end() {
        let mut search = PlaceSearch::default();
        assert!(!search.look(b"<p>"));
        assert_eq!((search.seen(), search.place(4)), (3, None));
        assert!(search.look(b"<!-- form -->..."));
        assert_eq!(search.place(4), Some(Place { at: 3, replaced: 13 }));
    }

    #[test]
    fn regions_that_are_too_deep_are_left_alone() {
        let nested = |count: usize| {
            let tags: Vec<_> = ["<svg>", "</svg>"].map(|tag| tag.repeat(count)).into();
            found(&tags.concat(), 7)
        };
        assert!(nested(255).is_some());
        assert_eq!(nested(256), None);
    }
}
