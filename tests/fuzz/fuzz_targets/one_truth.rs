//! Any octets as a request head: the fast leaf and the strict grammar make the same of it, and of
//! every beginning of it; and of its target and Host.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thimble_core::message::reader::HeadLimits;
use thimble_tests::heads::{FIELDS, LIMITS, agree, parts};

const TIGHT: HeadLimits = HeadLimits { request_line: 64, field_section: 160, fields: 4 };

fuzz_target!(|input: &[u8]| {
    assert_eq!(agree(input, &LIMITS, FIELDS), Ok(()));
    assert_eq!(agree(input, &TIGHT, 2), Ok(()));
    if let Some([recognised, strict]) = parts(input) {
        assert_eq!(recognised, strict);
    }
});
