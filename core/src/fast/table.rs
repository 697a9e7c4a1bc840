//! What makes look-ups quick: a table that is lent, and the lengths of names.

/// The lengths of names, modulo 64: those that nobody sent need not be looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lengths(u64);

impl Lengths {
    /// Adds the length of a name.
    #[inline(always)]
    pub(crate) const fn add(&mut self, length: usize) {
        self.0 |= 1 << (length % 64);
    }

    /// Whether there may be a name of this length.
    #[inline(always)]
    pub(crate) const fn may_have(self, length: usize) -> bool {
        self.0 >> (length % 64) & 1 != 0
    }
}

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
