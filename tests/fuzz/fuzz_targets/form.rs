//! Any octets as a form: the same fields as the `form_urlencoded` crate finds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use thimble_core::service::Form;
use thimble_core::service::html::{escape, list};

fuzz_target!(|input: &[u8]| {
    let mut content = input.to_vec();
    let Some(form) = Form::decode(&mut content) else {
        assert!(std::str::from_utf8(input).is_err());
        return;
    };
    let expected: Vec<_> = form_urlencoded::parse(input).collect();
    assert!(form.iter().eq(expected.iter().map(|(name, value)| (&**name, &**value))));
    for (name, value) in form.iter() {
        assert!(form.get(name).is_some());
        for text in [name, value] {
            let mut escaped = Vec::new();
            escape(text, &mut |piece| escaped.extend_from_slice(piece));
            assert!(!escaped.iter().any(|octet| b"<>\"'\0".contains(octet)));
        }
    }
    let mut shown = Vec::new();
    list(form.iter(), &mut |piece| shown.extend_from_slice(piece));
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(shown.matches("<dt>").count(), expected.len());
    assert_eq!(shown.matches('<').count(), 2 + 4 * expected.len());
});
