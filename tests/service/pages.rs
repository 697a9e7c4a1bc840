//! The place of submitted fields in a page is found wherever it stands, also where it straddles
//! two reads of the file.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use thimble_tests::cases::replay::Replay;
use thimble_tests::cases::{Setting, Sizes};
use thimble_tests::memory::{Fixture, Reads, Then};

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
    const MARKER: &str = "<!-- form -->";
    let filler = b"<p></p>".repeat(LENGTH / 7);
    for at in 0..filler.len() {
        let (before, after) = filler.split_at(at);
        let page = [before, MARKER.as_bytes(), after].concat().leak();
        // Within a tag it is none. A lone `<` begins no tag.
        let is_marker = matches!(at % 7, 0 | 1 | 3 | 4);
        let expected = if is_marker { [before, SHOWN, after] } else { [&*page, SHOWN, b""] };
        for reads in [Reads::Slice, Reads::Pieces(usize::MAX), Reads::Pieces(100), Reads::Sent(100)]
        {
            let got = posted(page, reads);
            assert!(got == expected.concat(), "at {at}, {reads:?}: {}", got.escape_ascii());
        }
    }
}

#[test]
fn the_first_marker_counts_and_else_the_end() {
    let far = "<p>".repeat(LENGTH / 3);
    // What stands before the place, what is replaced, and what stands after it.
    for (before, replaced, after) in [
        (format!("</body>{far}"), "<!-- form -->", format!("{far}<!-- form --></body>")),
        (format!("<script>`</body>`</script>{far}</body>1"), "", String::new()),
        (format!("<p title='{far}<!-- form -->'>"), "", String::new()),
        (String::new(), "", String::new()),
    ] {
        let page = [&before, replaced, &after].concat().leak();
        let expected = [before.as_bytes(), SHOWN, after.as_bytes()].concat();
        for reads in [Reads::Slice, Reads::Pieces(usize::MAX), Reads::Pieces(100)] {
            let got = posted(page.as_bytes(), reads);
            assert!(got == expected, "{page}, {reads:?}: {}", got.escape_ascii());
        }
    }
}

#[test]
fn without_a_place_the_page_comes_back_as_it_is() {
    let page = format!("{}<script>`</body>`", "<p>".repeat(LENGTH / 3)).leak();
    for reads in [Reads::Slice, Reads::Pieces(usize::MAX), Reads::Pieces(100), Reads::Sent(100)] {
        assert_eq!(posted(page.as_bytes(), reads), page.as_bytes());
    }
}
