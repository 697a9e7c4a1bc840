//! A table that is lent to make look-ups quick.

/// The entries of a table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table<'t, E>(&'t [E]);

impl<'t, E> Table<'t, E> {
    /// A table of `entries`.
    #[inline(always)]
    pub(crate) const fn new(entries: &'t [E]) -> Self {
        Self(entries)
    }

    /// The entries, if any.
    #[inline(always)]
    pub(crate) const fn entries(self) -> &'t [E]
    where
        E: Copy,
    {
        self.0
    }
}

/// Room for the entries of a table.
#[derive(Debug)]
pub(crate) struct Room<'t, E>(&'t mut [E]);

impl<'t, E> Room<'t, E> {
    /// All of `entries`.
    #[inline(always)]
    pub(crate) const fn new(entries: &'t mut [E]) -> Self {
        Self(entries)
    }

    /// The entries that there is room for.
    #[inline(always)]
    pub(crate) const fn entries(&mut self) -> &mut [E] {
        self.0
    }
}
