//! Octets up to a delimiter.

/// Takes the first `delimiter` and the octets before it, and returns those octets. Without a
/// `delimiter`, it takes and returns them all.
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
pub fn take_until<'i>(input: &mut &'i [u8], delimiter: u8) -> &'i [u8] {
    let length = input.iter().position(|&octet| octet == delimiter).unwrap_or(input.len());
    let (taken, rest) = input.split_at_checked(length).unwrap_or_default();
    *input = rest.get(1..).unwrap_or_default();
    taken
}
