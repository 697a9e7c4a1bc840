//! Taking octets from the front of a slice.

/// Takes octets of a class, as many as there are.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn take_while<'i>(input: &mut &'i [u8], class: fn(u8) -> bool) -> &'i [u8] {
    let length = input.iter().position(|&octet| !class(octet)).unwrap_or(input.len());
    let (taken, rest) = input.split_at_checked(length).unwrap_or_default();
    *input = rest;
    taken
}

/// Takes octets up to the first `delimiter`, or all of them.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn take_until<'i>(input: &mut &'i [u8], delimiter: u8) -> &'i [u8] {
    let length = input.iter().position(|&octet| octet == delimiter).unwrap_or(input.len());
    let (taken, rest) = input.split_at_checked(length).unwrap_or_default();
    *input = rest;
    taken
}

/// Takes one octet; `None` when it isn't `expected`, whether it was taken or not.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn take_octet(input: &mut &[u8], expected: u8) -> Option<()> {
    let [first, rest @ ..] = *input else { return None };
    *input = rest;
    (*first == expected).then_some(())
}
