//! Sixteen octets looked at in one go: SSE2 on x86-64, and words of eight octets (SWAR) on other
//! 64-bit processors. On smaller ones there is no probe: what it would save is not worth its size.

/// Octets in a probe.
pub(super) const WIDTH: usize = 16;

/// Sixteen octets.
#[derive(Clone, Copy)]
pub(super) struct Probe(imp::Octets);

/// A set of positions in a probe: bit 0 is the first octet.
pub(super) type Positions = u32;

impl From<&[u8; WIDTH]> for Probe {
    #[inline(always)]
    fn from(octets: &[u8; WIDTH]) -> Self {
        Self(imp::load(octets))
    }
}

impl Probe {
    /// The octets from `at` on, if there are sixteen.
    #[inline(always)]
    pub(super) fn new(input: &[u8], at: usize) -> Option<Self> {
        input.get(at..)?.first_chunk().map(Self::from)
    }

    /// The last octets of the input, for those from `at` on that are fewer than sixteen, and how
    /// many others stand before them. `None` when the whole input is shorter than a probe.
    #[inline(always)]
    pub(super) fn last(input: &[u8], at: usize) -> Option<(Self, usize)> {
        let others = WIDTH.checked_sub(input.len().checked_sub(at)?)?;
        Some((Self::from(input.last_chunk()?), others))
    }

    /// The first four octets, the first of them lowest.
    #[inline(always)]
    pub(super) fn first_four(self) -> u32 {
        imp::first_four(self.0)
    }

    /// Where [`is_control`](crate::bytes::class::is_control) holds, or the octet is HTAB.
    #[inline(always)]
    pub(super) fn controls(self) -> Positions {
        imp::controls(self.0)
    }

    /// Where the octet is no ALPHA, DIGIT or hyphen: those are tchar, and nearly all there are in
    /// field names.
    #[inline(always)]
    pub(super) fn not_in_name(self) -> Positions {
        imp::not_in_name(self.0)
    }

    /// Where the octet is `octet`.
    #[inline(always)]
    pub(super) fn equal(self, octet: u8) -> Positions {
        imp::equal_to(self.0, octet)
    }

    /// Where no octet of [`TARGET`](crate::bytes::class::TARGET) is.
    #[inline(always)]
    pub(super) fn not_in_target(self) -> Positions {
        imp::not_in_target(self.0)
    }
}

/// The first position from `at` on that is in `set`. `None`, too, when the whole input is shorter
/// than a probe.
#[inline(always)]
pub(super) fn find(input: &[u8], mut at: usize, set: impl Fn(Probe) -> Positions) -> Option<usize> {
    let (pairs, rest) = input.get(at..)?.as_chunks::<{ 2 * WIDTH }>();
    for pair in pairs {
        // Two at a time: half as many branches.
        let (probes, _) = pair.as_chunks();
        let mut probes = probes.iter().map(|octets| set(Probe::from(octets)));
        let found = probes.next()? | probes.next()? << WIDTH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 2 * WIDTH;
    }
    if let Some(octets) = rest.first_chunk() {
        let found = set(Probe::from(octets));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += WIDTH;
    }
    let (probe, others) = Probe::last(input, at)?;
    let found = set(probe) >> others;
    (found != 0).then(|| at + found.trailing_zeros() as usize)
}

/// The first position where CRLF may begin: a CR with LF behind it, or at the end of the input. In files
/// that are no text, every 256th octet is a CR, and hardly any of them begins one.
pub(crate) fn first_crlf(input: &[u8]) -> Option<usize> {
    let mut at = 0;
    // Four probes, and one branch for all of them.
    while let (Some(here), Some(next)) = (block(input, at), block(input, at + 1)) {
        let pairs = here
            .iter()
            .zip(next)
            .map(|(here, next)| imp::equal_to_both(imp::load(here), b'\r', imp::load(next), b'\n'));
        if imp::is_any(pairs) {
            break;
        }
        at += 4 * WIDTH;
    }
    while let (Some(here), Some(next)) = (Probe::new(input, at), Probe::new(input, at + 1)) {
        let found = here.equal(b'\r') & next.equal(b'\n');
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += WIDTH;
    }
    let mut rest = input.get(at..)?;
    loop {
        match rest {
            [b'\r'] | [b'\r', b'\n', ..] => return Some(at),
            [_, after @ ..] => (rest, at) = (after, at + 1),
            [] => return None,
        }
    }
}

/// The octets of four probes from `at` on, if there are as many.
#[inline(always)]
fn block(input: &[u8], at: usize) -> Option<&[[u8; WIDTH]]> {
    let octets: &[u8; 4 * WIDTH] = input.get(at..)?.first_chunk()?;
    Some(octets.as_chunks().0)
}

/// Whether `octets` are known to hold no control and no HTAB. Fewer than a probe never are.
#[inline(always)]
pub(crate) fn are_clear(octets: &[u8]) -> bool {
    octets.len() >= WIDTH && find(octets, 0, Probe::controls).is_none()
}

/// The first position of `octet`.
pub(crate) fn first(input: &[u8], octet: u8) -> Option<usize> {
    if input.len() < WIDTH {
        return input.iter().position(|&found| found == octet);
    }
    find(input, 0, |probe| probe.equal(octet))
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use safe_arch::{
        cmp_eq_mask_i8_m128i, cmp_lt_mask_i8_m128i, get_i32_from_m128i_s, load_unaligned_m128i,
        m128i, min_u8_m128i, move_mask_i8_m128i, set_splat_i8_m128i, sub_i8_m128i,
    };

    pub(super) type Octets = m128i;

    #[inline(always)]
    pub(super) fn load(octets: &[u8; 16]) -> Octets {
        load_unaligned_m128i(octets)
    }

    #[inline(always)]
    pub(super) fn first_four(octets: Octets) -> u32 {
        get_i32_from_m128i_s(octets).cast_unsigned()
    }

    #[inline(always)]
    fn all(octet: u8) -> m128i {
        set_splat_i8_m128i(octet.cast_signed())
    }

    #[inline(always)]
    fn equal(octets: Octets, octet: u8) -> m128i {
        cmp_eq_mask_i8_m128i(octets, all(octet))
    }

    #[inline(always)]
    pub(super) fn equal_to(octets: Octets, octet: u8) -> u32 {
        positions(equal(octets, octet))
    }

    /// Something that isn't zero where `here` has `octet` and `next` has `after`.
    #[inline(always)]
    pub(super) fn equal_to_both(here: Octets, octet: u8, next: Octets, after: u8) -> Octets {
        equal(here, octet) & equal(next, after)
    }

    #[inline(always)]
    pub(super) fn is_any(masks: impl Iterator<Item = Octets>) -> bool {
        positions(masks.fold(m128i::default(), |all, mask| all | mask)) != 0
    }

    #[inline(always)]
    fn at_most(octets: Octets, octet: u8) -> m128i {
        cmp_eq_mask_i8_m128i(min_u8_m128i(octets, all(octet)), octets)
    }

    #[inline(always)]
    fn within(octets: Octets, first: u8, last: u8) -> m128i {
        at_most(sub_i8_m128i(octets, all(first)), last - first)
    }

    #[inline(always)]
    fn positions(mask: m128i) -> u32 {
        move_mask_i8_m128i(mask).cast_unsigned()
    }

    #[inline(always)]
    pub(super) fn controls(octets: Octets) -> u32 {
        positions(at_most(octets, 0x1f) | equal(octets, 0x7f))
    }

    #[inline(always)]
    pub(super) fn not_in_name(octets: Octets) -> u32 {
        let letters = within(octets | all(0x20), b'a', b'z');
        let digits = within(octets, b'0', b'9');
        positions(letters | digits | equal(octets, b'-')) ^ 0xffff
    }

    #[inline(always)]
    pub(super) fn not_in_target(octets: Octets) -> u32 {
        // Signed, so that octets above 0x7f are below SP.
        let low = cmp_lt_mask_i8_m128i(octets, all(b'!'));
        let quote_or_hash = equal(octets & all(0xfe), b'"');
        let angles = equal(octets & all(0xfd), b'<');
        positions(low | quote_or_hash | angles | equal(octets, 0x7f))
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    pub(super) type Octets = [u64; 2];

    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);

    #[inline(always)]
    pub(super) fn load(octets: &[u8; 16]) -> Octets {
        let (words, _) = octets.as_chunks();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        [words.next().unwrap_or_default(), words.next().unwrap_or_default()]
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "it is the half that is asked for")]
    pub(super) const fn first_four(octets: Octets) -> u32 {
        let [low, _] = octets;
        low as u32
    }

    /// The top bits of `test`'s result for both words, as sixteen bits.
    #[inline(always)]
    fn positions(octets: Octets, test: impl Fn(u64) -> u64) -> u32 {
        let [low, high] = octets.map(|word| {
            // Each top bit is moved to its own place in the top octet, and no two meet.
            ((test(word) & TOPS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
        });
        u32::try_from(low | high << 8).unwrap_or_default()
    }

    /// Top bits where an octet below 0x80 is at least `octet`; those of the others are not said.
    #[inline(always)]
    const fn at_least(word: u64, octet: u8) -> u64 {
        (word & !TOPS) + ONES * (0x80 - octet) as u64
    }

    #[inline(always)]
    const fn equal(word: u64, octet: u8) -> u64 {
        let other = word ^ (ONES * octet as u64);
        !(((other & !TOPS) + (ONES * 0x7f)) | other)
    }

    #[inline(always)]
    pub(super) fn equal_to(octets: Octets, octet: u8) -> u32 {
        positions(octets, |word| equal(word, octet))
    }

    /// Something that isn't zero where `here` has `octet` and `next` has `after`.
    #[inline(always)]
    pub(super) fn equal_to_both(here: Octets, octet: u8, next: Octets, after: u8) -> Octets {
        let [low, high] = here.map(|word| equal(word, octet) & TOPS);
        let [next_low, next_high] = next.map(|word| equal(word, after));
        [low & next_low, high & next_high]
    }

    #[inline(always)]
    pub(super) fn is_any(masks: impl Iterator<Item = Octets>) -> bool {
        masks.fold(0, |all, [low, high]| all | low | high) != 0
    }

    #[inline(always)]
    const fn within(word: u64, first: u8, last: u8) -> u64 {
        at_least(word, first) & !at_least(word, last + 1) & !word
    }

    #[inline(always)]
    pub(super) fn controls(octets: Octets) -> u32 {
        positions(octets, |word| (!at_least(word, b' ') & !word) | equal(word, 0x7f))
    }

    #[inline(always)]
    pub(super) fn not_in_name(octets: Octets) -> u32 {
        positions(octets, |word| {
            let letters = within(word | (ONES * 0x20), b'a', b'z');
            !(letters | within(word, b'0', b'9') | equal(word, b'-'))
        })
    }

    #[inline(always)]
    pub(super) fn not_in_target(octets: Octets) -> u32 {
        positions(octets, |word| {
            let others = equal(word & (ONES * 0xfe), b'"') | equal(word & (ONES * 0xfd), b'<');
            !at_least(word, b'!') | word | others | equal(word, 0x7f)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::class::{TARGET, is_control};

    #[test]
    fn the_first_crlf_is_found_wherever_it_is() {
        for length in 0..150 {
            for place in 0..length {
                for (filler, octets) in [(b'a', &b"\r\n"[..]), (b'\n', b"\r\n"), (b'a', b"\ra")] {
                    let mut input = std::vec![filler; length];
                    for (to, from) in input.iter_mut().skip(place).zip(octets) {
                        *to = *from;
                    }
                    let is_one = octets == b"\r\n" || place + 1 == length;
                    assert_eq!(first_crlf(&input), is_one.then_some(place), "{length} {place}");
                }
            }
            assert_eq!(first_crlf(&std::vec![b'\r'; length]), length.checked_sub(1));
        }
    }

    #[test]
    fn every_octet_at_every_place_is_seen_for_what_it_is() {
        for octet in 0..=255u8 {
            for place in 0..170 {
                let mut input = [b'a'; 170];
                input[place] = octet;
                for at in [0, 1, 7, 22, 40, 105, 106, 154, 155, 169, 170] {
                    let expected = |holds: bool| (holds && place >= at).then_some(place);
                    let control = is_control(octet) || octet == b'\t';
                    assert_eq!(find(&input, at, Probe::controls), expected(control));
                    let name = octet.is_ascii_alphanumeric() || octet == b'-';
                    assert_eq!(find(&input, at, Probe::not_in_name), expected(!name));
                    let found = find(&input, at, |probe| probe.equal(octet));
                    let first = if octet == b'a' { at } else { place };
                    assert_eq!(found, (first >= at && first < 170).then_some(first));
                    let target = TARGET.contains(octet);
                    assert_eq!(find(&input, at, Probe::not_in_target), expected(!target));
                }
            }
        }
        assert_eq!(find(&[0; 15], 0, Probe::controls), None);
        assert_eq!(find(&[0; 24], 25, Probe::controls), None);
    }
}
