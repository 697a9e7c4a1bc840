//! What a script writes to standard error, line by line.

/// The longest line that is kept whole, in octets: a longer one comes in several.
const LONGEST: usize = 2048;

/// A line that has not ended yet.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Gives `tell` each line that ends in `octets`, and keeps what is left.
    pub(super) fn push(&mut self, octets: &[u8], mut tell: impl FnMut(&[u8])) {
        for octet in octets {
            let is_end = *octet == b'\n';
            if is_end || self.0.len() == LONGEST {
                self.end(&mut tell);
            }
            if !is_end {
                self.0.push(*octet);
            }
        }
    }

    /// Gives `tell` the line that has no end, if there is one. Empty lines say nothing.
    pub(super) fn end(&mut self, mut tell: impl FnMut(&[u8])) {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        if !line.is_empty() {
            tell(line);
        }
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_when_they_end_or_are_long() {
        let long = [b'x'].repeat(LONGEST);
        for size in [1, 3, 5000] {
            let (mut lines, mut told) = (Lines::default(), Vec::new());
            let text = [b"a\r\n\nb c\n", long.as_slice(), b"y\nend"].concat();
            for piece in text.chunks(size) {
                lines.push(piece, |line| told.push(line.to_vec()));
            }
            lines.end(|line| told.push(line.to_vec()));
            assert!(told == [b"a", &b"b c"[..], &long, b"y", b"end"], "in pieces of {size}");
        }
    }
}
