//! Content negotiation by content coding (RFC 9110 §12.5.3).

use super::conditional::FieldLines;
use crate::bytes::ascii::trim_ows;

/// A content coding that files may stand in (RFC 9110 §8.4.1), the best compressed last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Coding {
    /// No coding.
    #[default]
    Identity,
    /// `gzip` (RFC 1952).
    Gzip,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `br` (RFC 7932).
    Brotli,
}

impl Coding {
    /// All of them, in the order of preference if a client gives them the same weight.
    pub const BY_PREFERENCE: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// Its name in Accept-Encoding and Content-Encoding.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    /// The suffix that the name of a file in this coding has, behind the name of the file itself.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
        }
    }
}

/// A set of codings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codings(u8);

impl Codings {
    /// The empty set: only uncoded files are available.
    pub const NONE: Self = Self(0);

    /// This set and `coding`.
    #[must_use]
    pub const fn with(self, coding: Coding) -> Self {
        Self(self.0 | 1 << coding as u8)
    }

    /// This set without `coding`.
    #[must_use]
    pub const fn without(self, coding: Coding) -> Self {
        Self(self.0 & !(1 << coding as u8))
    }

    /// What is in this set or in the other one.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `coding` is among them.
    pub const fn contains(self, coding: Coding) -> bool {
        self.0 & 1 << coding as u8 != 0
    }
}

/// The coding that Accept-Encoding prefers, [`Coding::Identity`] or one of `codings`. `None` if it accepts
/// none of them.
///
/// If the field is absent or empty, that is [`Coding::Identity`]. Identity is acceptable unless it is
/// excluded, by name or by `*` (RFC 9110 §12.5.3), but any coding that the client names is preferred to
/// it. A malformed member is ignored.
pub fn choose(fields: &(impl FieldLines + ?Sized), codings: Codings) -> Option<Coding> {
    choose_first(fields, codings, Codings::NONE)
}

/// The same as [`choose`], where some codings are there and others have to be made: of those that
/// Accept-Encoding gives the same weight, one of `first` goes before one that is in `codings` alone.
pub fn choose_first(
    fields: &(impl FieldLines + ?Sized),
    codings: Codings,
    first: Codings,
) -> Option<Coding> {
    // Names, and which weight is theirs: that of one coding by preference, or that of all others.
    // `x-gzip` is `gzip` (RFC 9110 §8.4.1.3).
    const NAMES: [(&str, usize); 6] = [
        (Coding::Brotli.name(), 0),
        (Coding::Zstd.name(), 1),
        (Coding::Gzip.name(), 2),
        ("x-gzip", 2),
        (Coding::Identity.name(), 3),
        ("*", 4),
    ];
    let mut weights = [None; 5];
    fields.each("Accept-Encoding", &mut |line| {
        for (name, weight) in line.split(|&octet| octet == b',').filter_map(weighted) {
            let named = |known: &&(&str, _)| known.0.as_bytes().eq_ignore_ascii_case(name);
            if let Some((_, place)) = NAMES.iter().find(named)
                && let Some(slot) = weights.get_mut(*place)
            {
                *slot = (*slot).max(Some(weight));
            }
        }
    });
    let [.., others] = weights;
    let mut best = (0, None);
    for (coding, weight) in Coding::BY_PREFERENCE.into_iter().zip(weights) {
        // Four times the thousandths, so that there is room for what goes first, and for what nobody
        // mentioned but is acceptable all the same, below every other.
        let weight = match weight.or(others) {
            Some(0) => 0,
            Some(weight) => weight * 4 + 2 * u16::from(first.contains(coding)),
            None => u16::from(coding == Coding::Identity),
        };
        if weight > best.0 && (codings.contains(coding) || coding == Coding::Identity) {
            best = (weight, Some(coding));
        }
    }
    best.1
}

/// Whether a line of Accept names `media_type` as acceptable, without parameters but its weight.
///
/// ```abnf
/// Accept = #( media-range [ weight ] )                          ; RFC 9110 §12.5.1
/// ```
pub(crate) fn accepts_type(line: &[u8], media_type: &[u8]) -> bool {
    let is_meant =
        |(name, weight): (&[u8], u16)| weight > 0 && name.eq_ignore_ascii_case(media_type);
    line.split(|&octet| octet == b',').filter_map(weighted).any(is_meant)
}

/// ```abnf
/// Accept-Encoding = #( codings [ weight ] )                     ; RFC 9110 §12.5.3
/// weight = OWS ";" OWS "q=" qvalue                              ; RFC 9110 §12.4.2
/// ```
/// A member and its weight in thousandths.
fn weighted(member: &[u8]) -> Option<(&[u8], u16)> {
    let end = member.iter().position(|&octet| octet == b';').unwrap_or(member.len());
    let (name, parameter) = member.split_at_checked(end)?;
    let weight = match parameter {
        [] => 1000,
        [_, parameter @ ..] => match trim_ows(parameter) {
            [b'q' | b'Q', b'=', value @ ..] => qvalue(value)?,
            _ => return None,
        },
    };
    Some((trim_ows(name), weight))
}

/// ```abnf
/// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )  ; RFC 9110 §12.4.2
/// ```
fn qvalue(value: &[u8]) -> Option<u16> {
    const SCALES: [u16; 5] = [1000, 0, 100, 10, 1];
    let mut thousandths = 0;
    for (octet, scale) in value.iter().zip(SCALES) {
        match octet {
            b'0'..=b'9' if scale > 0 => thousandths += u16::from(octet - b'0') * scale,
            b'.' if scale == 0 => {}
            _ => return None,
        }
    }
    ((1..=SCALES.len()).contains(&value.len()) && thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const ALL: Codings = Codings::NONE.with(Coding::Gzip).with(Coding::Zstd).with(Coding::Brotli);

    fn chosen(lines: &[&str], codings: Codings) -> Option<Coding> {
        let lines: Vec<_> = lines.iter().map(|line| ("Accept-Encoding", line.as_bytes())).collect();
        choose(&lines[..], codings)
    }

    #[test]
    fn the_heaviest_acceptable_coding_is_chosen() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        for (lines, expected) in [
            (&[][..], Some(Identity)),
            (&[""], Some(Identity)),
            (&["gzip"], Some(Gzip)),
            (&["GZip;Q=0.1"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["x-br"], Some(Identity)),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip", "zstd ; q=1.000"], Some(Zstd)),
            (&["gzip;q=0.9, br;q=0.8"], Some(Gzip)),
            (&["gzip;q=0.5, identity"], Some(Identity)),
            (&["gzip;q=0.001"], Some(Gzip)),
            (&["gzip;q=0"], Some(Identity)),
            (&["*"], Some(Brotli)),
            (&["*;q=0.5, br;q=0"], Some(Zstd)),
            (&["*;q=0, gzip"], Some(Gzip)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["*;q=0, identity;q=0.1"], Some(Identity)),
            (&["identity;q=0, *"], Some(Brotli)),
            (&["deflate, compress"], Some(Identity)),
            (&["gzip;q=1.1"], Some(Identity)),
            (&["gzip;q=0.1234"], Some(Identity)),
            (&["gzip;q=.5, zstd;q=, br;x=1"], Some(Identity)),
        ] {
            assert_eq!(chosen(lines, ALL), expected, "{lines:?}");
        }
    }

    #[test]
    fn of_the_same_weight_what_is_there_goes_before_what_is_made() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        for (line, first, expected) in [
            ("gzip, deflate, br, zstd", Codings::NONE, Some(Brotli)),
            ("gzip, deflate, br, zstd", Codings::NONE.with(Gzip), Some(Gzip)),
            ("gzip, deflate, br, zstd", Codings::NONE.with(Gzip).with(Zstd), Some(Zstd)),
            ("gzip;q=0.999, br", Codings::NONE.with(Gzip), Some(Brotli)),
            ("gzip;q=0, br", Codings::NONE.with(Gzip), Some(Brotli)),
            ("gzip;q=0", Codings::NONE.with(Gzip), Some(Identity)),
            ("identity, gzip;q=0.999", Codings::NONE.with(Gzip), Some(Identity)),
            ("*", Codings::NONE.with(Zstd), Some(Zstd)),
            ("*;q=0", Codings::NONE.with(Zstd), None),
        ] {
            let fields = [("Accept-Encoding", line.as_bytes())];
            assert_eq!(choose_first(&fields[..], ALL, first), expected, "{line} {first:?}");
        }
    }

    #[test]
    fn a_type_is_accepted_by_its_name() {
        for (line, expected) in [
            ("text/html", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("image/png, TEXT/HTML ;q=0.001", true),
            ("text/html;q=0, */*", false),
            ("*/*", false),
            ("text/*", false),
            ("application/xhtml+xml", false),
            ("", false),
        ] {
            assert_eq!(accepts_type(line.as_bytes(), b"text/html"), expected, "{line}");
        }
    }

    #[test]
    fn only_what_is_available_is_chosen() {
        let codings = Codings::NONE.with(Coding::Gzip);
        assert_eq!(chosen(&["br, gzip;q=0.1"], codings), Some(Coding::Gzip));
        assert_eq!(chosen(&["br, *;q=0"], codings), None);
        assert_eq!(chosen(&["br, gzip"], codings.without(Coding::Gzip)), Some(Coding::Identity));
        assert!(!codings.contains(Coding::Brotli));
    }
}
