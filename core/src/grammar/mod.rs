//! Parsers for octets that are known to be whole, one file for each element of the grammar. The
//! only place that sees nom.

pub mod chunk;
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

use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::bytes::class::{Class, is_tchar};

/// What a parser here returns: the rest of the input and its element, or nothing but the fact that
/// the input is something else. Who calls it knows which element was expected.
type Parsed<'i, T> = IResult<&'i [u8], T, ()>;

/// The element, when a parser has consumed its input to the end.
fn whole<T>(parsed: Parsed<'_, T>) -> Option<T> {
    match parsed {
        Ok(([], element)) => Some(element),
        _ => None,
    }
}

/// ```abnf
/// token = 1*tchar                                     ; RFC 9110 §5.6.2
/// ```
fn token(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(is_tchar)(input)
}

/// How many octets of a class stand before `delimiter`, at least one. Every line of a head begins
/// with such; so it is one function for all, and small.
fn length_before(delimiter: u8, class: &Class, input: &[u8]) -> Option<usize> {
    let elements = take_while1(|octet| class.contains(octet));
    let (_, found) = terminated(elements, octet(delimiter)).parse(input).ok()?;
    Some(found.len())
}

/// One octet. Not nom's `char` or `satisfy`: those count in characters, take one above 0x7f for two
/// octets, and panic at the end of the input.
fn octet<'i>(expected: u8) -> impl FnMut(&'i [u8]) -> Parsed<'i, ()> {
    move |input| match input {
        [first, rest @ ..] if *first == expected => Ok((rest, ())),
        _ => Err(nom::Err::Error(())),
    }
}

/// All octets of a class, at least one. Nom's own may panic as far as the compiler can see, and the
/// code for that would be linked.
fn take_while1<'i>(class: impl Fn(u8) -> bool) -> impl FnMut(&'i [u8]) -> Parsed<'i, &'i [u8]> {
    move |input| {
        let end = input.iter().position(|&octet| !class(octet)).unwrap_or(input.len());
        match input.split_at_checked(end) {
            Some((taken @ [_, ..], rest)) => Ok((rest, taken)),
            _ => Err(nom::Err::Error(())),
        }
    }
}

/// ASCII text as `str`. Every caller has matched classes without octets above 0x7f, so the check
/// that the conversion makes again can't fail.
fn ascii(octets: &[u8]) -> &str {
    core::str::from_utf8(octets).unwrap_or_default()
}
