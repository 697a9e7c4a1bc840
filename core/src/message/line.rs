//! The search for the end of a line, which resumes where it stopped: no octet is looked at twice, also
//! when they trickle in (but for a CR that waits for its LF).

use crate::bytes::class::is_control;
use crate::fast::before_control;

/// What the search found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The line ends: its CRLF begins at this position.
    End(usize),
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
        (Some(b'\r'), Some(b'\n')) => Line::End(found),
        (Some(b'\r'), None) => Line::Partial(found),
        _ => Line::Invalid(found),
    }
}

/// The position of the first control octet (HTAB is none) at or after `from`.
fn find_control(input: &[u8], from: usize) -> Option<usize> {
    let from = before_control(input, from);
    Some(from + input.get(from..)?.iter().position(|&octet| is_control(octet))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_is_found_at_every_place_of_a_word() {
        for octet in 0..=255u8 {
            for place in 0..40 {
                let mut input = [b'\t'; 40];
                input[place] = octet;
                let expected = is_control(octet).then_some(place);
                assert_eq!(find_control(&input, 0), expected, "{octet:#x} at {place}");
            }
        }
    }
}
