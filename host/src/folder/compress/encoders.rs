//! The encoders, each with a cargo feature.

use thimble_core::semantics::negotiate::{Coding, Codings};

/// The codings for which there are encoders.
pub(super) const CODINGS: Codings = {
    let mut codings = Codings::NONE;
    if cfg!(feature = "gzip") {
        codings = codings.with(Coding::Gzip);
    }
    if cfg!(feature = "zstd") {
        codings = codings.with(Coding::Zstd);
    }
    if cfg!(feature = "brotli") {
        codings = codings.with(Coding::Brotli);
    }
    codings
};

/// `plain` in `coding`; nothing if there is no encoder, or it fails. The same octets become the same octets.
pub(super) fn encode(coding: Coding, plain: &[u8]) -> Option<Vec<u8>> {
    match coding {
        #[cfg(feature = "gzip")]
        Coding::Gzip => gzip(plain),
        #[cfg(feature = "zstd")]
        Coding::Zstd => zstd(plain),
        #[cfg(feature = "brotli")]
        Coding::Brotli => brotli(plain),
        _ => {
            let _ = plain;
            None
        }
    }
}

/// RFC 1952, without the name and the time of a file.
#[cfg(feature = "gzip")]
fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    const LEVEL: Compression = Compression::new(6);

    let mut encoder = GzEncoder::new(Vec::new(), LEVEL);
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

/// RFC 8878. At this level it is smaller than gzip and made as fast, and has a window that every client
/// has to have (RFC 9659): 2 MiB.
#[cfg(feature = "zstd")]
fn zstd(plain: &[u8]) -> Option<Vec<u8>> {
    const LEVEL: i32 = 7;

    zstd::bulk::compress(plain, LEVEL).ok()
}

/// RFC 7932.
#[cfg(feature = "brotli")]
fn brotli(mut plain: &[u8]) -> Option<Vec<u8>> {
    use brotli::enc::BrotliEncoderParams;

    const QUALITY: i32 = 5;

    let params =
        BrotliEncoderParams { quality: QUALITY, size_hint: plain.len(), ..Default::default() };
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut plain, &mut coded, &params).ok()?;
    Some(coded)
}
