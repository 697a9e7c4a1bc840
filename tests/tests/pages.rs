//! The place of submitted fields in a page is found wherever it stands, also where it straddles
//! two reads of the file.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use thimble_tests::cases::{Setting, Sizes};
use thimble_tests::memory::{Fixture, Reads, Then};
use thimble_tests::replay::Replay;

const SETTING: Setting = Setting { limits: Sizes::Small, ..Setting::USUAL };
const SENT: &str = "POST /page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1";
const SHOWN: &[u8] = br#"<dl class="form"><dt>a</dt><dd>1</dd></dl>"#;

/// More than four times what the transmit buffer holds.
const LENGTH: usize = 2500;
const TRANSMIT: usize = 600;

/// The content of the reply when the file `page` gets a form.
fn posted(page: &'static [u8], reads: Reads) -> Vec<u8> {
    let fixture = Fixture::of(vec![(b"page.html".to_vec(), page)]).reading(reads);
    let mut replay = Replay::new(SETTING, fixture, TRANSMIT);
    let transcript = replay.run_all(&[SENT.as_bytes()], Then::Wait).unwrap();
    transcript.replies.into_iter().map(|reply| reply.content).collect::<Vec<_>>().concat()
}

#[test]
fn wherever_it_stands() {
    let filler = b"<p></p>".repeat(LENGTH / 7);
    for at in 0..filler.len() {
        let (before, after) = filler.split_at(at);
        for (place, rest) in [("<!-- form -->", ""), ("</BOdy>", "</BOdy>")] {
            let page = [before, place.as_bytes(), after].concat().leak();
            let expected = [before, SHOWN, rest.as_bytes(), after].concat();
            for reads in
                [Reads::Slice, Reads::Pieces(usize::MAX), Reads::Pieces(100), Reads::Sent(100)]
            {
                let got = posted(page, reads);
                assert!(got == expected, "{place} at {at}, {reads:?}: {}", got.escape_ascii());
            }
        }
    }
}

#[test]
fn the_first_marker_and_the_last_end_of_the_body_count() {
    let far = "<p>".repeat(LENGTH / 3);
    // What stands before the place, what is replaced, and what stands after it.
    for (before, replaced, after) in [
        (format!("</body>{far}"), "<!-- form -->", format!("{far}<!-- form --></body>")),
        (format!("</body>{far}"), "", "</body>1".to_owned()),
        (format!("</bodyx>{far}<!--form-->"), "", String::new()),
        (String::new(), "", String::new()),
    ] {
        let page = [&before, replaced, &after].concat().leak();
        let expected = [before.as_bytes(), SHOWN, after.as_bytes()].concat();
        for reads in [Reads::Slice, Reads::Pieces(usize::MAX)] {
            let got = posted(page.as_bytes(), reads);
            assert!(got == expected, "{page}, {reads:?}: {}", got.escape_ascii());
        }
    }
}
