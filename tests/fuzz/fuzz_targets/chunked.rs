//! Any octets as a chunked body: decoded alike whole and in two parts, within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thimble_core::framing::decode::Decoder;
use thimble_core::framing::Limits;
use thimble_core::framing::length::BodyLength;
use thimble_core::message::ParseError;

/// The content, the octets consumed, and whether the body is complete.
type Outcome = Result<(Vec<u8>, usize, bool), ParseError>;

fn decode(input: &[u8], ends: &[usize]) -> Outcome {
    let mut decoder = Decoder::new(BodyLength::Chunked);
    let (mut content, mut start) = (Vec::new(), 0);
    for &end in ends {
        loop {
            let found = decoder.decode(&input[start..end], &Limits::DEVICE)?;
            start += found.framing;
            content.extend_from_slice(&input[start..end][..found.content]);
            start += found.content;
            if found.content == 0 {
                break;
            }
        }
    }
    Ok((content, start, decoder.is_complete()))
}

fuzz_target!(|input: &[u8]| {
    let whole = decode(input, &[input.len()]);
    let bytewise: Vec<usize> = (0..=input.len()).collect();
    assert_eq!(whole, decode(input, &bytewise));
    let middle = input.len() / 2;
    assert_eq!(whole, decode(input, &[middle, input.len()]));
    if let Ok((content, consumed, _)) = whole {
        assert!(content.len() <= consumed);
    }
});
