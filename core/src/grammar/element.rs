//! The parsers that nom's combinators combine here.
//!
//! Nom's own ones slice their input in ways that could panic as far as the compiler knows, and each use
//! of one is code of its own. An [`Element`] is instead one call of a function that all uses share. It
//! takes and returns the rest of the input in registers; the combinators around it are inlined, and
//! nothing but branches is left of them.

use nom::{Check, Complete, Emit, Err, Mode, OutputM, OutputMode, PResult, Parser};

use crate::bytes::ascii::trim_ows_start;
use crate::bytes::class::Class;

/// An element of the grammar. As a parser, its output is the octets that it matches.
#[derive(Clone, Copy)]
pub(super) enum Element {
    /// This octet.
    Octet(u8),
    /// An octet of a class.
    One(&'static Class),
    /// Octets of a class, as many as there are.
    Many0(&'static Class),
    /// Octets of a class, as many as there are, and at least one.
    Many1(&'static Class),
    /// Letters of either case, or other octets as they are.
    AnyCase(&'static [u8]),
    /// Optional whitespace.
    Ows,
    /// A rule of the grammar: a function that returns what is left of its input after the rule, which
    /// is mostly [`after`] other elements.
    Rule(fn(&[u8]) -> Option<&[u8]>),
}

impl<'i> Parser<&'i [u8]> for Element {
    type Output = &'i [u8];
    type Error = ();

    #[inline(always)]
    fn process<OM: OutputMode>(&mut self, input: &'i [u8]) -> PResult<OM, &'i [u8], &'i [u8], ()> {
        let Some(rest) = self.after(input) else {
            return Err(Err::Error(OM::Error::bind(|| ())));
        };
        let octets = || input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default();
        Ok((rest, OM::Output::bind(octets)))
    }
}

impl Element {
    #[inline(always)]
    fn after(self, input: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Octet(octet) => after_octet(input, octet),
            Self::One(class) => match input {
                [first, rest @ ..] if class.contains(*first) => Some(rest),
                _ => None,
            },
            Self::Many0(class) => Some(after_many1(input, class).unwrap_or(input)),
            Self::Many1(class) => after_many1(input, class),
            Self::AnyCase(octets) => {
                let (first, rest) = input.split_at_checked(octets.len())?;
                first.eq_ignore_ascii_case(octets).then_some(rest)
            }
            Self::Ows => Some(trim_ows_start(input)),
            Self::Rule(after) => after(input),
        }
    }
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn after_octet(input: &[u8], octet: u8) -> Option<&[u8]> {
    match input {
        [first, rest @ ..] if *first == octet => Some(rest),
        _ => None,
    }
}

#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn after_many1<'i>(input: &'i [u8], class: &Class) -> Option<&'i [u8]> {
    let mut rest = input;
    while let [first, behind @ ..] = rest
        && class.contains(*first)
    {
        rest = behind;
    }
    (rest.len() < input.len()).then_some(rest)
}

/// These octets.
#[derive(Clone, Copy)]
pub(super) struct Literal<const N: usize>(pub(super) &'static [u8; N]);

impl<'i, const N: usize> Parser<&'i [u8]> for Literal<N> {
    type Output = &'static [u8; N];
    type Error = ();

    #[inline(always)]
    fn process<OM: OutputMode>(
        &mut self,
        input: &'i [u8],
    ) -> PResult<OM, &'i [u8], Self::Output, ()> {
        match input.split_first_chunk() {
            Some((first, rest)) if first == self.0 => Ok((rest, OM::Output::bind(|| self.0))),
            _ => Err(Err::Error(OM::Error::bind(|| ()))),
        }
    }
}

/// The number that a DIGIT stands for.
#[derive(Clone, Copy)]
pub(super) struct Digit;

impl<'i> Parser<&'i [u8]> for Digit {
    type Output = u8;
    type Error = ();

    #[inline(always)]
    fn process<OM: OutputMode>(&mut self, input: &'i [u8]) -> PResult<OM, &'i [u8], u8, ()> {
        match input {
            [digit @ b'0'..=b'9', rest @ ..] => Ok((rest, OM::Output::bind(|| digit - b'0'))),
            _ => Err(Err::Error(OM::Error::bind(|| ()))),
        }
    }
}

/// An element as often as it matches, also never. It must not match nothing: that would have no end.
pub(super) struct Repeated<P>(pub(super) P);

impl<'i, P: Parser<&'i [u8], Error = ()>> Parser<&'i [u8]> for Repeated<P> {
    type Output = ();
    type Error = ();

    #[inline(always)]
    fn process<OM: OutputMode>(&mut self, mut input: &'i [u8]) -> PResult<OM, &'i [u8], (), ()> {
        while let Ok((rest, ())) = self.0.process::<OutputM<Check, Check, Complete>>(input) {
            input = rest;
        }
        Ok((input, OM::Output::bind(|| ())))
    }
}

pub(super) const SP: Element = Element::Octet(b' ');
pub(super) const DQUOTE: Element = Element::Octet(b'"');

/// Parses an element at the start of `input`: what is left after it, and its output.
#[inline(always)]
pub(super) fn take<'i, P: Parser<&'i [u8], Error = ()>>(
    mut element: P,
    input: &'i [u8],
) -> Option<(&'i [u8], P::Output)> {
    element.process::<OutputM<Emit, Check, Complete>>(input).ok()
}

/// What is left of `input` after an element; its output is never made.
#[inline(always)]
pub(super) fn after<'i>(
    mut element: impl Parser<&'i [u8], Error = ()>,
    input: &'i [u8],
) -> Option<&'i [u8]> {
    let (rest, ()) = element.process::<OutputM<Check, Check, Complete>>(input).ok()?;
    Some(rest)
}

/// The output of an element that has to be all of `input`.
#[inline(always)]
pub(super) fn whole<'i, P: Parser<&'i [u8], Error = ()>>(
    mut element: P,
    input: &'i [u8],
) -> Option<P::Output> {
    match element.process::<OutputM<Emit, Check, Complete>>(input) {
        Ok(([], element)) => Some(element),
        _ => None,
    }
}
