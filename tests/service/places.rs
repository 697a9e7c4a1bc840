//! Where submitted fields are put into a page, a parser that builds the whole tree shows them as
//! text of the body: html5ever is the oracle.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use html5ever::tendril::TendrilSink as _;
use html5ever::{local_name, ns, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use proptest::prelude::*;
use proptest::sample::select;
use thimble_core::service::html::list;
use thimble_core::service::place::PlaceSearch;

/// What pages are made of: all that changes how a parser goes on, whole and in pieces.
const PIECES: &[&str] = &[
    "<!-- form -->",
    "<!-- form -->",
    "<!-- form -->",
    "<!--",
    "-->",
    "--!>",
    "--",
    "-",
    "!",
    ">",
    "<",
    "/",
    "=",
    "\"",
    "'",
    "`",
    " ",
    "\n",
    "a",
    "</",
    "<!",
    "<?",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE html>",
    "<script>",
    "<script ",
    "<SCRIPT>",
    "</script>",
    "</script ",
    "<style>",
    "</style>",
    "<style/>",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea>",
    "<xmp>",
    "</xmp>",
    "<iframe>",
    "</iframe>",
    "<noembed>",
    "</noembed>",
    "<noframes>",
    "</noframes>",
    "<noscript>",
    "</noscript>",
    "<plaintext>",
    "<template>",
    "</template>",
    "<select>",
    "</select>",
    "<option>",
    "<svg>",
    "</svg>",
    "<svg/>",
    "<math>",
    "</math>",
    "<math/>",
    "<mi>",
    "</mi>",
    "<mtext>",
    "</mtext>",
    "<annotation-xml>",
    "<annotation-xml encoding='text/html'>",
    "</annotation-xml>",
    "<foreignObject>",
    "</foreignObject>",
    "<desc>",
    "</desc>",
    "<html>",
    "</html>",
    "<head>",
    "</head>",
    "<body>",
    "</body>",
    "<frameset>",
    "</frameset>",
    "<frame>",
    "<p>",
    "</p>",
    "<br>",
    "<div>",
    "</div>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "</td>",
    "<col>",
    "<colgroup>",
    "<caption>",
    "<form>",
    "<input>",
    "<button>",
    "<a href=\"",
    "<a title='",
    "<a b=",
    "\">",
    "'>",
    "<b>",
    "</b>",
    "<hr>",
    "<dl>",
    "<dd>",
    "<font color=a>",
    "<path/>",
    "<use ",
    "<meta>",
    "<base>",
    "<link>",
];

/// Whether `node`, or something in it, is the list of fields with `text`.
fn shows(node: &Handle, text: &str, in_body: bool) -> bool {
    let NodeData::Element { name, attrs, .. } = &node.data else {
        return node.children.borrow().iter().any(|child| shows(child, text, in_body));
    };
    let is_html = name.ns == ns!(html);
    let is_list = in_body
        && is_html
        && name.local == local_name!("dl")
        && attrs.borrow().iter().any(|field| &*field.value == "form")
        && text_in(node) == text;
    let in_body = in_body || (is_html && name.local == local_name!("body"));
    is_list || node.children.borrow().iter().any(|child| shows(child, text, in_body))
}

fn text_in(node: &Handle) -> String {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => node.children.borrow().iter().map(text_in).collect(),
    }
}

/// Shows fields in `page`, and looks for them in the tree.
fn check(page: &str) -> Result<(), TestCaseError> {
    let mut search = PlaceSearch::default();
    search.look(page.as_bytes());
    let Some(place) = search.place(page.len() as u64) else { return Ok(()) };
    let mut shown = Vec::new();
    list([("<a>", "</script>-->'\"<script>")].into_iter(), &mut |piece| shown.extend(piece));
    let [at, replaced] = [place.at, place.replaced].map(|octets| usize::try_from(octets).unwrap());
    let (before, rest) = page.split_at(at);
    let (_, after) = rest.split_at(replaced);
    let with = [before, std::str::from_utf8(&shown).unwrap(), after].concat();
    let tree = parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(&*with);
    prop_assert!(shows(&tree.document, "<a></script>-->'\"<script>", false), "{with}");
    Ok(())
}

#[test]
fn a_place_is_one_where_text_of_the_body_is() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) };
    let pages = prop::collection::vec(select(PIECES), 0..24);
    proptest!(config, |(pieces in pages)| check(&pieces.concat())?);
}

#[test]
fn short_pages_one_after_the_other() -> Result<(), TestCaseError> {
    for first in PIECES {
        for second in PIECES {
            check(&[first, second, "<!-- form -->"].concat())?;
            check(&["<svg>", first, second, "</svg><!-- form -->"].concat())?;
            check(&["<template>", first, second, "</template><!-- form -->"].concat())?;
            check(&["<select>", first, second, "</select><!-- form -->"].concat())?;
        }
    }
    Ok(())
}
