//! An address as a QR code, for the camera of a phone.

use std::env;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// Black on white, whatever the terminal's own colours are.
const COLOURS: (&str, &str) = ("\x1b[38;5;16;48;5;231m", "\x1b[0m");

/// `text` as lines of a QR code with its quiet zone, in half blocks; `None` if it is too long.
pub(super) fn lines(text: &str) -> Option<String> {
    Some(if has_colours() {
        let (start, end) = COLOURS;
        let coloured = |line: &str| format!("{start}{line}{end}\n");
        blocks(text, false)?.lines().map(coloured).collect()
    } else {
        // Most terminals are dark.
        blocks(text, true)? + "\n"
    })
}

/// The code, where blocks stand for what is dark; or for what is light, if it `is_inverted`.
fn blocks(text: &str, is_inverted: bool) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let (mut dark, mut light) = (Dense1x2::Dark, Dense1x2::Light);
    if is_inverted {
        (dark, light) = (light, dark);
    }
    Some(code.render::<Dense1x2>().dark_color(dark).light_color(light).quiet_zone(true).build())
}

/// Whether who looks at the output sees colours. That is no question of a terminal: a pager shows them, too,
/// and so does the log of a container.
fn has_colours() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each character shows: an upper and a lower half.
    fn rows(text: &str) -> Vec<Vec<bool>> {
        let halves = |octet: char| match octet {
            '█' => [true, true],
            '▀' => [true, false],
            '▄' => [false, true],
            _ => [false, false],
        };
        let row = |line: &str, half: usize| line.chars().map(|it| halves(it)[half]).collect();
        text.lines().flat_map(|line| [row(line, 0), row(line, 1)]).collect()
    }

    #[test]
    fn what_is_shown_is_the_code_and_four_modules_around_it() {
        let url = "http://192.168.100.100:8000/";
        let code = QrCode::new(url).expect("it fits");
        let size = code.width() + 8;
        let shown = rows(&blocks(url, false).expect("it fits"));
        assert!(shown.iter().all(|row| row.len() == size));
        for (y, row) in shown.iter().enumerate() {
            for (x, is_dark) in row.iter().enumerate() {
                let inside = (4..size - 4).contains(&x) && (4..size - 4).contains(&y);
                let dark = inside && code[(x - 4, y - 4)] == qrcode::Color::Dark;
                assert_eq!(*is_dark, dark, "{x} {y}");
            }
        }
        // It fits a terminal of any size in use.
        assert!(size <= 40 && shown.len() <= 40);
        let inverted = rows(&blocks(url, true).expect("it fits"));
        assert!(inverted.iter().flatten().take(size).all(|is_light| *is_light));
    }

    #[test]
    fn each_line_has_its_colours_and_ends_them() {
        let code = "http://10.0.0.7/";
        let coloured = lines(code).expect("it fits");
        assert!(coloured.ends_with('\n'));
        for line in coloured.lines().filter(|line| line.contains('\x1b')) {
            assert!(line.starts_with(COLOURS.0) && line.ends_with(COLOURS.1), "{line:?}");
        }
        assert_eq!(lines(&"long".repeat(1000)), None);
    }
}
