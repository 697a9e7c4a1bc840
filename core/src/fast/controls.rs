//! The control octets of an input, one after the other. They are found a block ahead, so that parsing
//! the next line never waits for the search for the end of this one.

use super::probe::{Probe, WIDTH};

/// Octets that are looked at in one go: as many as a set of 64 bits has positions.
const BLOCK: usize = 64;

/// The positions of control octets; HTAB counts as one here.
#[derive(Clone, Debug)]
pub(super) struct Controls<'i> {
    input: &'i [u8],
    /// Where the block begins.
    block: usize,
    /// Positions in the block that are still to be told: bit 0 is its first octet.
    positions: u64,
}

impl<'i> Controls<'i> {
    /// Those from `at` on. None are found in an input shorter than a probe.
    #[inline(always)]
    pub(super) fn new(input: &'i [u8], at: usize) -> Self {
        Self { input, block: at, positions: controls(input, at).unwrap_or_default() }
    }
}

impl Iterator for Controls<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.positions == 0 {
            self.block += BLOCK;
            self.positions = controls(self.input, self.block)?;
        }
        let position = self.positions.trailing_zeros() as usize;
        self.positions &= self.positions - 1;
        Some(self.block + position)
    }
}

/// A position from `from` on before which there is no control (HTAB is none): that of the first, or the
/// end. `from` itself in an input shorter than a probe.
pub(crate) fn before_control(input: &[u8], from: usize) -> usize {
    if input.len() < WIDTH {
        return from;
    }
    let found = Controls::new(input, from).find(|&at| input.get(at) != Some(&b'\t'));
    found.unwrap_or(input.len())
}

/// Where in the block at `at` controls stand; `None` at the end of the input.
#[inline(always)]
fn controls(input: &[u8], at: usize) -> Option<u64> {
    match input.get(at..)?.first_chunk() {
        Some(block) => Some(controls_of(block)),
        None => last_controls(input, at),
    }
}

#[inline(always)]
fn controls_of(block: &[u8; BLOCK]) -> u64 {
    let (probes, _) = block.as_chunks();
    let probes = probes.iter().rev().map(|octets| Probe::from(octets).controls());
    probes.fold(0, |positions, probe| positions << WIDTH | u64::from(probe))
}

/// The same, where the input ends within the block.
#[inline(never)]
fn last_controls(input: &[u8], at: usize) -> Option<u64> {
    let rest = input.get(at..).filter(|rest| !rest.is_empty())?;
    if let Some(block) = input.last_chunk() {
        return Some(controls_of(block) >> (BLOCK - rest.len()));
    }
    // The whole input is shorter than a block.
    let (mut positions, mut start) = (0, 0);
    for octets in rest.as_chunks().0 {
        positions |= u64::from(Probe::from(octets).controls()) << start;
        start += WIDTH;
    }
    // None of these are left when the input ends with a probe.
    let (probe, others) = Probe::last(input, at + start)?;
    Some(positions | u64::from(probe.controls() >> others) << start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::class::is_control;

    #[test]
    fn every_octet_at_every_place_is_seen_for_what_it_is() {
        for octet in 0..=255u8 {
            for length in [16, 17, 63, 64, 65, 79, 80, 128, 170, 200] {
                for place in 0..length {
                    let mut input = [b'a'; 200];
                    input[place] = octet;
                    for at in [0, 1, 7, 16, 40, 105, 169, 170] {
                        let expected = is_control(octet) || octet == b'\t';
                        let expected = (expected && place >= at).then_some(place);
                        assert!(Controls::new(&input[..length], at).eq(expected));
                    }
                }
            }
        }
        assert!(Controls::new(&[b'\n'; 170], 3).eq(3..170));
        assert!(Controls::new(&[0; 15], 0).next().is_none());
        assert!(Controls::new(&[0; 24], 25).next().is_none());
    }
}
