//! The same as on 64-bit targets, but nothing is recognised: the compiler leaves out all that would use
//! it.

use core::convert::Infallible;
use core::marker::PhantomData;

use crate::bytes::span::Span;
use crate::grammar::field_line::FieldLine;
use crate::grammar::request_line::RequestLine;
use crate::grammar::target::PathAndQuery;

/// A head with ordinary lines. There is none here.
#[derive(Clone, Copy)]
pub(crate) struct Ordinary<'i>(Infallible, PhantomData<&'i [u8]>);

impl<'i> Ordinary<'i> {
    #[inline(always)]
    pub(crate) const fn of(_: &'i [u8]) -> Option<Self> {
        None
    }

    pub(crate) const fn is_get(self) -> bool {
        match self.0 {}
    }

    pub(crate) const fn request_line(self) -> Option<(RequestLine, usize)> {
        match self.0 {}
    }

    pub(crate) fn field_lines(self, _: usize, _: impl FnMut(FieldLine, u32) -> bool) -> usize {
        match self.0 {}
    }

    pub(crate) const fn path_end(self, _: Span) -> Option<usize> {
        match self.0 {}
    }

    pub(crate) const fn origin_form(self, _: Span) -> Option<PathAndQuery<'i>> {
        match self.0 {}
    }

    pub(crate) const fn is_authority(self, _: Span) -> bool {
        match self.0 {}
    }
}

/// The lengths of names, to make look-ups quick. None is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lengths;

impl Lengths {
    #[inline(always)]
    pub(crate) const fn add(&mut self, _: usize) {}

    #[inline(always)]
    pub(crate) const fn may_have(self, _: usize) -> bool {
        true
    }
}

/// The entries of a table, to make look-ups quick. There are none here, whatever is lent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table<'t, E>(PhantomData<&'t [E]>);

impl<'t, E> Table<'t, E> {
    pub(crate) const fn new(_: &'t [E]) -> Self {
        Self(PhantomData)
    }

    pub(crate) const fn entries(self) -> &'t [E]
    where
        E: Copy,
    {
        &[]
    }
}

/// Room for the entries of a table. There is none here, whatever is lent.
#[derive(Debug)]
pub(crate) struct Room<'t, E>(PhantomData<&'t mut [E]>);

impl<'t, E> Room<'t, E> {
    pub(crate) const fn new(_: &'t mut [E]) -> Self {
        Self(PhantomData)
    }

    pub(crate) const fn entries(&mut self) -> &mut [E] {
        &mut []
    }
}

/// A position before which no control was found: none was looked for.
#[inline(always)]
pub(crate) const fn before_control(_: &[u8], from: usize) -> usize {
    from
}

/// The first position where CRLF may begin: at a CR.
pub(crate) fn first_crlf(input: &[u8]) -> Option<usize> {
    input.iter().position(|&octet| octet == b'\r')
}

/// Whether `octets` are known to hold no control. They never are.
#[inline(always)]
pub(crate) const fn are_clear(_: &[u8]) -> bool {
    false
}

/// The first position of `octet`.
pub(crate) fn first(input: &[u8], octet: u8) -> Option<usize> {
    input.iter().position(|&found| found == octet)
}
