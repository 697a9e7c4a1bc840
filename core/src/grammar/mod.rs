//! The strict grammar, one file for each element: nom's combinators over parsers of our own, each below
//! the ABNF that it implements. The input of a parser is always whole: a line, or a value.

pub mod boundary;
pub mod chunk;
pub mod cookie;
pub mod credentials;
pub mod date;
mod element;
pub mod etag;
pub mod field_line;
pub mod host;
pub mod list;
pub mod media_type;
pub mod parameter;
pub mod range;
pub mod request_line;
pub mod script;
pub mod target;

use crate::bytes::class::TCHAR;
use element::Element::{self, Many1, Octet, Rule};
use element::after;

/// ```abnf
/// token = 1*tchar                                     ; RFC 9110 §5.6.2
/// ```
const TOKEN: Element = Many1(&TCHAR);

/// Optional or bad whitespace.
///
/// ```abnf
/// OWS = *( SP / HTAB )                                ; RFC 9110 §5.6.3
/// BWS = OWS
/// ```
const OWS: Element = Element::Ows;

/// ```abnf
/// OWS ";" OWS
/// ```
const SEMICOLON: Element = Rule(|input| after_divider(input, b';'));

/// ```abnf
/// OWS "=" OWS
/// ```
const EQUALS: Element = Rule(|input| after_divider(input, b'='));

#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn after_divider(input: &[u8], divider: u8) -> Option<&[u8]> {
    after((OWS, Octet(divider), OWS), input)
}
