//! Lines that stay whole where several processes write.

use std::io::{self, Write};

/// What a pipe takes in one piece at least, so that nothing of another process comes between: PIPE_BUF of
/// Linux. Files that several processes write to take any piece whole.
const PIECE: usize = 4096;

/// Writes pieces that end with a line wherever possible. A line that is longer than a piece is one of its own.
#[derive(Debug)]
pub(super) struct WholeLines<W>(pub(super) W);

impl<W: Write> Write for WholeLines<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let ends = |text: &[u8]| text.iter().position(|octet| *octet == b'\n');
        let start = text.get(..PIECE).unwrap_or(text);
        let last = start.iter().rposition(|octet| *octet == b'\n').or_else(|| ends(text));
        let piece = last.and_then(|last| text.get(..=last)).unwrap_or(text);
        self.0.write_all(piece)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps each write.
    struct Pieces(Vec<Vec<u8>>);

    impl Write for Pieces {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.push(text.to_vec());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pieces_end_with_lines() {
        let mut lines = WholeLines(Pieces(Vec::new()));
        let line = [&[b'a'; 999][..], b"\n"].concat();
        let long = [&[b'b'; 9999][..], b"\n"].concat();
        let text = [line.repeat(5), long.clone(), line.clone()].concat();
        lines.write_all(&text).unwrap();
        lines.write_all(b"no end").unwrap();
        let pieces = [line.repeat(4), line.clone(), long, line, b"no end".to_vec()];
        assert_eq!(lines.0.0, pieces);
    }
}
