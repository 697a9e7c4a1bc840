//! Parsers for octets that are known to be whole, one file for each element of the grammar.
//!
//! One that is given `&mut &[u8]` takes its element from the front of that, and is `None` where
//! there is another; what it has taken by then doesn't matter, since nothing else is tried there.
//! One that is given `&[u8]` says whether all of it is that element.

pub mod chunk;
pub mod cookie;
pub mod date;
pub mod etag;
pub mod field_line;
pub mod host;
pub mod list;
pub mod media_type;
#[cfg(target_pointer_width = "64")]
pub mod ordinary;
pub mod range;
pub mod request_line;
pub mod target;

use crate::bytes::ascii::trim_ows_start;
use crate::bytes::class::{Class, is_tchar};
use crate::bytes::take::{take_octet, take_while};

/// ```abnf
/// token = 1*tchar                                     ; RFC 9110 §5.6.2
/// ```
fn token<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    Some(take_while(input, is_tchar)).filter(|token| !token.is_empty())
}

/// Optional or bad whitespace.
///
/// ```abnf
/// OWS = *( SP / HTAB )                                ; RFC 9110 §5.6.3
/// BWS = OWS
/// ```
fn ows(input: &mut &[u8]) {
    *input = trim_ows_start(input);
}

/// Takes an octet with the whitespace around it.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn divider(octet: u8, input: &mut &[u8]) -> Option<()> {
    ows(input);
    take_octet(input, octet)?;
    ows(input);
    Some(())
}

/// Takes octets of a class, and `delimiter` behind them, which is not of it. Returns how many those
/// were, at least one. Every line of a head begins with such; so it is one function for all, and
/// small.
fn take_before(delimiter: u8, class: &Class, input: &mut &[u8]) -> Option<usize> {
    let length = input.iter().position(|&octet| !class.contains(octet))?;
    let [first, rest @ ..] = input.get(length..)? else { return None };
    *input = rest;
    (*first == delimiter && length > 0).then_some(length)
}
