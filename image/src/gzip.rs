//! Files in the coding gzip.

use std::io::{self, Write as _};
use std::num::NonZeroU64;

use flate2::Compression;
use flate2::write::GzEncoder;
use zopfli::{Format, Options};

/// Octets that a coded file has to be smaller by: the fields that say so take most of them.
const LEAST: usize = 100;

/// Octets up to which a file is worth the time for the last three in a hundred: where build scripts
/// aren't optimized, as is usual, these are coded in two seconds.
const SMALL: usize = 128 * 1024;

/// How often what was coded is coded again by what it was found to be. More often takes off another
/// octet or two.
const ITERATIONS: NonZeroU64 = NonZeroU64::new(5).unwrap();

/// `content` in gzip, if it is smaller by a tenth.
pub(crate) fn gzip(content: &[u8]) -> Option<Vec<u8>> {
    let quickly = with_deflate(content).ok()?;
    let most = (content.len() - content.len() / 10).min(content.len().checked_sub(LEAST)?);
    if quickly.len() > most {
        return None;
    }
    let slowly = if content.len() <= SMALL { with_zopfli(content).ok() } else { None };
    Some(slowly.filter(|slowly| slowly.len() < quickly.len()).unwrap_or(quickly))
}

fn with_deflate(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn with_zopfli(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut coded = Vec::new();
    let options = Options { iteration_count: ITERATIONS, ..Options::default() };
    zopfli::compress(options, Format::Gzip, content, &mut coded)?;
    Ok(coded)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_becomes_smaller_is_coded() {
        for length in [1000, SMALL + 1] {
            let content = b"<p>Hello</p>\n".repeat(length / 13 + 1);
            let coded = gzip(&content).unwrap_or_default();
            assert!(!coded.is_empty() && coded.len() < content.len() / 10);
            let mut decoded = Vec::new();
            let read = flate2::read::GzDecoder::new(coded.as_slice()).read_to_end(&mut decoded);
            assert!(read.is_ok() && decoded == content);
            assert_eq!(coded.get(4..8), Some(&[0; 4][..]), "no time is in it");
        }
    }

    #[test]
    fn what_does_not_is_not() {
        // The state of a generator of random numbers, octet by octet.
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..10_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        for content in [&b""[..], b"a", &[b'a'; 100], &noise] {
            assert_eq!(gzip(content), None, "{} octets", content.len());
        }
    }
}
