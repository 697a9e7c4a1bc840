//! The search for the end of a line and of a head, which resumes where it stopped: no octet is
//! looked at twice, also when they trickle in (but for a CR that waits for its LF).

use super::class::is_control;

/// What the search found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The line ends: its CRLF begins at the first position, the next line at the second.
    End(usize, usize),
    /// No end yet; no octet before this position needs to be looked at again.
    Partial(usize),
    /// The octet at this position can't be: a CR without LF, an LF without CR, a control.
    Invalid(usize),
}

/// Looks for the end of the line that goes on at `from`.
///
/// ```abnf
/// CRLF = CR LF      ; RFC 9112 §2.2: a bare CR is an error; a bare LF MAY be taken for CRLF, and
///                   ; here is an error too, since some other recipient won't take it for one
/// ```
pub fn line_end(input: &[u8], from: usize) -> Line {
    let Some(found) = find_control(input, from) else {
        return Line::Partial(input.len());
    };
    match (input.get(found), input.get(found + 1)) {
        (Some(b'\r'), Some(b'\n')) => Line::End(found, found + 2),
        (Some(b'\r'), None) => Line::Partial(found),
        _ => Line::Invalid(found),
    }
}

/// The position of the first control octet (HTAB is none) at or after `from`.
fn find_control(input: &[u8], from: usize) -> Option<usize> {
    let rest = input.get(from..)?;
    let words = rest.chunks_exact(8);
    let tail = words.remainder();
    let mut position = from;
    for word in words {
        // The slice is of eight octets, so the conversion can't fail; a miss would only be slower.
        let plain = cfg!(target_pointer_width = "64")
            && <[u8; 8]>::try_from(word).is_ok_and(|word| !may_hold_control(word));
        if !plain && let Some(found) = word.iter().position(|&octet| is_control(octet)) {
            return Some(position + found);
        }
        position += 8;
    }
    Some(position + tail.iter().position(|&octet| is_control(octet))?)
}

/// Whether one of eight octets is below SP or is DEL, tested all at once (SWAR). HTAB counts, and
/// so may an octet above one that counts, by the borrow: the caller looks closer.
const fn may_hold_control(octets: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = u64::from_le_bytes([0x80; 8]);
    let word = u64::from_le_bytes(octets);
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = word ^ (ONES * 0x7f);
    let is_delete = delete.wrapping_sub(ONES) & !delete;
    (below_space | is_delete) & TOPS != 0
}

/// Limits on a head while it is being found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Octets of the request-line, without its CRLF.
    pub request_line: usize,
    /// Octets of all field lines, each with its CRLF.
    pub field_section: usize,
    /// Field lines.
    pub fields: usize,
}

/// Why a head can't be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// An octet that can't be, in the request-line or after it.
    Octet,
    /// The request-line is over its limit.
    RequestLine,
    /// The field section is over its limit of octets.
    FieldSection,
    /// There are too many field lines.
    Fields,
}

/// The search for the empty line that ends a head. Its verdict depends on the octets alone, not on
/// how they were split: whatever goes wrong first, by position, is the fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    scanned: usize,
    line_start: usize,
    /// Where the field section begins; 0 while the request-line goes on.
    fields_start: usize,
    lines: usize,
}

impl HeadScan {
    /// Takes the search up again: `input` is the same head, with more octets. Returns its length,
    /// the final empty line included, once it is whole.
    ///
    /// # Complexity
    /// Linear in the octets that are new.
    pub fn resume(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<usize>, HeadFault> {
        loop {
            let line = line_end(input, self.scanned);
            let (Line::End(reached, _) | Line::Partial(reached) | Line::Invalid(reached)) = line;
            self.check(reached, limits)?;
            match line {
                Line::Invalid(_) => return Err(HeadFault::Octet),
                Line::Partial(reached) => {
                    self.scanned = reached;
                    return Ok(None);
                }
                Line::End(end, next) if end == self.line_start => return Ok(Some(next)),
                Line::End(_, next) => {
                    self.scanned = next;
                    self.line_start = next;
                    if self.fields_start == 0 {
                        self.fields_start = next;
                    } else {
                        self.lines += 1;
                        if self.lines > limits.fields {
                            return Err(HeadFault::Fields);
                        }
                    }
                }
            }
        }
    }

    const fn check(&self, reached: usize, limits: &HeadLimits) -> Result<(), HeadFault> {
        if self.fields_start == 0 {
            if reached > limits.request_line {
                return Err(HeadFault::RequestLine);
            }
        } else if reached - self.fields_start > limits.field_section {
            return Err(HeadFault::FieldSection);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { request_line: 20, field_section: 24, fields: 2 };

    /// The verdict on `input` whole, checked to be the same octet by octet.
    fn verdict(input: &[u8]) -> Result<Option<usize>, HeadFault> {
        let whole = HeadScan::default().resume(input, &LIMITS);
        let mut scan = HeadScan::default();
        let trickled = (0..=input.len())
            .map(|end| scan.resume(&input[..end], &LIMITS))
            .find(|result| *result != Ok(None))
            .unwrap_or(Ok(None));
        assert_eq!(whole, trickled, "{:?}", core::str::from_utf8(input));
        whole
    }

    #[test]
    fn heads_end_at_the_first_empty_line() {
        assert_eq!(verdict(b"GET / HTTP/1.1\r\n\r\nGET"), Ok(Some(18)));
        assert_eq!(verdict(b"GET / HTTP/1.1\r\nA: b\r\n\r\n"), Ok(Some(24)));
        assert_eq!(verdict(b"GET / HTTP/1.1\r\nA: b\r\n\r"), Ok(None));
        assert_eq!(verdict(b"GET / HTTP/1.1\r\nA:\tb\xff\r\n\r\n"), Ok(Some(25)));
    }

    #[test]
    fn octets_that_cannot_be_are_found_at_once() {
        for bad in [&b"GET /\n"[..], b"GET /\r\r", b"G\0", b"GET / HTTP/1.1\r\nA\x7f", b"A\x1fB"] {
            assert_eq!(verdict(bad), Err(HeadFault::Octet));
        }
    }

    #[test]
    fn limits_hold_to_the_octet() {
        assert_eq!(verdict(b"12345678901234567890\r\n\r\n"), Ok(Some(24)));
        assert_eq!(verdict(b"123456789012345678901"), Err(HeadFault::RequestLine));
        assert_eq!(verdict(b"G\r\n1234567890\r\n1234567890\r\n\r\n"), Ok(Some(29)));
        assert_eq!(verdict(b"G\r\n1234567890\r\n12345678901\r\n"), Err(HeadFault::FieldSection));
        assert_eq!(verdict(b"G\r\nA\r\nB\r\nC\r\n\r\n"), Err(HeadFault::Fields));
    }

    #[test]
    fn every_control_is_found_at_every_place_of_a_word() {
        for octet in 0..=255u8 {
            for place in 0..20 {
                let mut input = [b'\t'; 20];
                input[place] = octet;
                let expected = is_control(octet).then_some(place);
                assert_eq!(find_control(&input, 0), expected, "{octet:#x} at {place}");
            }
        }
    }
}
