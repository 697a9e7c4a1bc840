//! What a file is called that somebody sent.

use std::fmt::Display;

/// The most octets of a name, on nearly every file system.
const MOST: usize = 255;

/// The most octets of what counts as an extension, with its dot.
const EXTENSION: usize = 32;

/// What Windows takes for a device, whatever extension follows, besides COM and LPT with a digit.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// A name under which a file can be kept on any system: no path, hidden or reserved name, and without
/// letters that show something else than what is there. What needs none of that is left as it was
/// sent, in whatever normalization form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    stem: String,
    /// With its dot; empty if there is none.
    extension: String,
}

impl Name {
    /// The name for a file that a client calls `filename`.
    pub(super) fn new(filename: &str) -> Self {
        // Some clients send the whole path, with either slash.
        let last = filename.rsplit(['/', '\\']).next().unwrap_or_default();
        let shown = shown(last);
        // Dots at the start hide a file. Those at the end, and spaces, Windows leaves out.
        let name = shown.trim_matches(|it: char| it == '.' || it.is_whitespace());
        let name = if name.is_empty() { "upload" } else { name };
        let mark = if is_device(name) { "_" } else { "" };
        let dot = name.rfind('.').filter(|dot| name.len() - dot <= EXTENSION);
        let (stem, extension) =
            name.split_at_checked(dot.unwrap_or(name.len())).unwrap_or_default();
        Self { stem: format!("{mark}{stem}"), extension: extension.to_owned() }
    }

    /// All of it.
    pub(super) fn whole(&self) -> String {
        self.ending("")
    }

    /// All of it with a number, for when there is such a file already: `a-1.txt`.
    pub(super) fn numbered(&self, number: impl Display) -> String {
        self.ending(&format!("-{number}"))
    }

    /// With `end` before the extension, and no longer than a name may be.
    fn ending(&self, end: &str) -> String {
        let room = MOST.saturating_sub(end.len() + self.extension.len());
        let (stem, _) =
            self.stem.split_at_checked(self.stem.floor_char_boundary(room)).unwrap_or_default();
        [stem, end, &self.extension].concat()
    }
}

/// `name` with `_` in place of letters that mislead.
fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut letters = name.chars().peekable();
    // Whether the letter before is one that others may join or vary, and how it was varied.
    let (mut is_base, mut is_varied) = (false, false);
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let joins = matches!(letter, '\u{200c}' | '\u{200d}')
            && (is_base || is_varied)
            && next.is_some_and(is_beyond_ascii);
        let varies = matches!(letter, '\u{fe0e}' | '\u{fe0f}') && is_base;
        let stays = joins || varies || !misleads(letter);
        shown.push(if stays { letter } else { '_' });
        (is_base, is_varied) = (is_beyond_ascii(letter), varies);
    }
    shown
}

/// Whether a letter is a visible one of a script or of pictures that joins its letters, perhaps.
fn is_beyond_ascii(letter: char) -> bool {
    !letter.is_ascii() && !misleads(letter)
}

/// Whether a letter is a control, ends a line, changes the direction in which others are shown, or shows
/// nothing itself (Unicode: general categories Cc, Zl and Zp, `Default_Ignorable_Code_Point`, and format
/// characters without a shape of their own).
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

fn is_device(name: &str) -> bool {
    let before = name.split('.').next().unwrap_or_default().trim_end();
    let mut letters = before.chars();
    let digit = letters.next_back();
    let is_port = matches!(digit, Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'))
        && ["COM", "LPT"].iter().any(|port| port.eq_ignore_ascii_case(letters.as_str()));
    is_port || DEVICES.iter().any(|device| device.eq_ignore_ascii_case(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_otherwise_as_they_were_sent() {
        for (filename, expected) in [
            ("a.txt", "a.txt"),
            ("Zoë 🪡 (1).TXT", "Zoë 🪡 (1).TXT"),
            ("e\u{301}.txt", "e\u{301}.txt"),
            ("a\"b'c%20&<d>?*|:.txt", "a\"b'c%20&<d>?*|:.txt"),
            ("-rf", "-rf"),
            // Paths.
            ("/etc/passwd", "passwd"),
            ("../../a", "a"),
            ("..\\..\\a", "a"),
            ("C:\\dir\\a.txt", "a.txt"),
            ("C:/dir\\b/a.txt", "a.txt"),
            ("dir/", "upload"),
            ("", "upload"),
            // Hidden names, and those of folders.
            (".", "upload"),
            ("..", "upload"),
            ("...", "upload"),
            (". . .", "upload"),
            (".htaccess", "htaccess"),
            (" .profile", "profile"),
            ("a/.b", "b"),
            ("\u{a0}.b", "b"),
            ("a.txt. .", "a.txt"),
            ("a..txt", "a..txt"),
            // Controls.
            ("a\0b\r\n\x7f\u{85}.txt", "a_b____.txt"),
            ("\u{202e}gpj.exe", "_gpj.exe"),
            ("a\u{2066}b\u{2069}c\u{61c}\u{200f}\u{2028}", "a_b_c___"),
            ("\u{202e}.a", "_.a"),
            // What doesn't show, but for what joins or varies letters that need it.
            ("a\u{200b}b\u{200d}c\u{feff}d\u{ad}e\u{2060}f\u{fe0f}g.txt", "a_b_c_d_e_f_g.txt"),
            ("\u{3164}\u{115f}\u{2800}\u{e0041}\u{180e}", "_____"),
            ("\u{200d}.a", "_.a"),
            ("👩\u{200d}💻.png", "👩\u{200d}💻.png"),
            ("🏳\u{fe0f}\u{200d}🌈.png", "🏳\u{fe0f}\u{200d}🌈.png"),
            ("❤\u{fe0f}.png", "❤\u{fe0f}.png"),
            ("❤\u{fe0f}\u{fe0f}\u{200d}.png", "❤\u{fe0f}__.png"),
            ("می\u{200c}خواهم.txt", "می\u{200c}خواهم.txt"),
            ("é\u{200d}\u{200d}é", "é__é"),
            // Devices.
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("Aux .tar.gz", "_Aux .tar.gz"),
            ("com1", "_com1"),
            ("LPT\u{b2}.a", "_LPT\u{b2}.a"),
            ("conin$", "_conin$"),
            (".nul", "_nul"),
            ("COM", "COM"),
            ("com10", "com10"),
            ("console.txt", "console.txt"),
            ("nullable", "nullable"),
        ] {
            assert_eq!(Name::new(filename).whole(), expected, "{filename:?}");
        }
    }

    #[test]
    fn a_number_stands_before_the_extension() {
        for (filename, expected) in [
            ("a.txt", "a-1.txt"),
            ("a", "a-1"),
            (".a", "a-1"),
            ("a.tar.gz", "a.tar-1.gz"),
            ("a. b", "a-1. b"),
            ("", "upload-1"),
        ] {
            assert_eq!(Name::new(filename).numbered(1), expected, "{filename:?}");
        }
    }

    #[test]
    fn no_name_is_too_long() {
        for letter in ["a", "é", "€", "🪡"] {
            for end in ["", ".txt", ".a", ".jpeg"] {
                let name = Name::new(&format!("{}{end}", letter.repeat(300)));
                for (name, end) in
                    [(name.whole(), end.to_owned()), (name.numbered(12), format!("-12{end}"))]
                {
                    assert!(name.ends_with(&end), "{name}");
                    assert!((MOST - 3..=MOST).contains(&name.len()), "{name}");
                    assert!(name.trim_end_matches(&end).chars().all(|it| letter.contains(it)));
                }
            }
        }
        // What is as long as that is no extension.
        let long = format!("a.{}", "b".repeat(300));
        assert_eq!(Name::new(&long).numbered(1), format!("a.{}-1", "b".repeat(251)));
    }
}
