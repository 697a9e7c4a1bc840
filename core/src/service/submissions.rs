//! What becomes of submitted forms.

use super::form::Form;
use crate::bytes::cursor::Cursor;
use crate::grammar::date::{UnixTime, imf_fixdate};

/// A form that was submitted.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// When, if that is known.
    pub time: Option<UnixTime>,
    /// The path it was sent to, still percent-encoded.
    pub path: &'a str,
    /// Its fields.
    pub form: Form<'a>,
}

/// Takes submitted forms.
///
/// The methods take `&self`: several connections may submit at the same time, and what they share
/// is the implementation's affair (a lock on a desktop, a `RefCell` on a microcontroller).
pub trait Submissions {
    /// Takes a submission.
    fn submit(&self, submission: &Submission<'_>);

    /// Puts a submission that was kept into `buffer`, in the form of [`Ring::recall`], and returns
    /// its length: the latest for `age` 0, the one before for 1, and so on; `None` past the oldest.
    fn recall(&self, age: usize, buffer: &mut [u8]) -> Option<usize>;
}

impl<K: Submissions> Submissions for &K {
    fn submit(&self, submission: &Submission<'_>) {
        (**self).submit(submission);
    }

    fn recall(&self, age: usize, buffer: &mut [u8]) -> Option<usize> {
        (**self).recall(age, buffer)
    }
}

/// Keeps nothing.
impl Submissions for () {
    fn submit(&self, _: &Submission<'_>) {}

    fn recall(&self, _: usize, _: &mut [u8]) -> Option<usize> {
        None
    }
}

impl<const N: usize> Submissions for core::cell::RefCell<Ring<N>> {
    fn submit(&self, submission: &Submission<'_>) {
        if let Ok(mut ring) = self.try_borrow_mut() {
            ring.push(submission);
        }
    }

    fn recall(&self, age: usize, buffer: &mut [u8]) -> Option<usize> {
        self.try_borrow().ok()?.recall(age, buffer)
    }
}

/// The latest submissions, as many as fit `N` octets.
///
/// One that would take more than a quarter of that is cut after the last field that fits.
#[derive(Clone, Debug)]
pub struct Ring<const N: usize> {
    /// Records, the oldest first: two octets of length, and as many of fields.
    records: heapless::Vec<u8, N>,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Ring<N> {
    /// The longest record, without its length.
    const LONGEST: usize = if N / 4 < 0xffff { N / 4 } else { 0xffff };

    /// An empty ring.
    pub const fn new() -> Self {
        Self { records: heapless::Vec::new() }
    }

    /// Keeps a submission, and forgets the oldest ones to make room for it.
    pub fn push(&mut self, submission: &Submission<'_>) {
        let date = submission.time.map(imf_fixdate);
        let date = date.as_ref().and_then(|date| core::str::from_utf8(date).ok());
        let fields = [(submission.path, date.unwrap_or_default())].into_iter();
        let fields = fields.chain(submission.form.iter());
        let size =
            |(name, value)| Form::encode_field(name, value).map(<[u8]>::len).iter().sum::<usize>();
        let (mut length, mut count) = (0, 0);
        for size in fields.clone().map(size) {
            if length + size > Self::LONGEST {
                break;
            }
            (length, count) = (length + size, count + 1);
        }
        self.make_room(2 + length);
        // There is room now, and no record is longer than 16 bits can say.
        let prefix = u16::try_from(length).unwrap_or_default().to_le_bytes();
        let _ = self.records.extend_from_slice(&prefix);
        for (name, value) in fields.take(count) {
            for part in Form::encode_field(name, value) {
                let _ = self.records.extend_from_slice(part);
            }
        }
    }

    /// Forgets the oldest records until there is room for `size` octets.
    fn make_room(&mut self, size: usize) {
        let missing = (self.records.len() + size).saturating_sub(N);
        let mut freed = 0;
        for record in self.iter() {
            if freed >= missing {
                break;
            }
            freed += 2 + record.len();
        }
        self.records.copy_within(freed.., 0);
        self.records.truncate(self.records.len() - freed);
    }

    /// Puts the submission of `age`, 0 for the latest, into `buffer` and returns
    /// its length; `None` past the oldest, or without room for it (a quarter of `N` always is). [`Form::from_decoded`] reads it: the first name
    /// and value are path and time.
    pub fn recall(&self, age: usize, buffer: &mut [u8]) -> Option<usize> {
        let record = self.iter().nth(self.iter().count().checked_sub(age + 1)?)?;
        let mut cursor = Cursor::new(buffer);
        cursor.push(record);
        cursor.written().ok()
    }

    /// The records, the oldest first.
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.records[..];
        core::iter::from_fn(move || {
            let (length, after) = rest.split_at_checked(2)?;
            let length = u16::from_le_bytes(length.try_into().ok()?);
            let (record, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn push(ring: &mut Ring<256>, content: &str) {
        let mut content = content.as_bytes().to_vec();
        let form = Form::decode(&mut content).unwrap();
        ring.push(&Submission { time: Some(UnixTime(0)), path: "/", form });
    }

    fn recalled(ring: &Ring<256>, age: usize) -> Option<Vec<(String, String)>> {
        let mut buffer = [0; 64];
        let length = ring.recall(age, &mut buffer)?;
        let form = Form::from_decoded(&buffer[..length]);
        Some(form.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    #[test]
    fn the_latest_are_kept() {
        let mut ring = Ring::new();
        for number in 0..100 {
            push(&mut ring, &std::format!("n={number}"));
        }
        let kept = (0..).map_while(|age| recalled(&ring, age)).collect::<Vec<_>>();
        assert_eq!(kept.len(), 256 / (2 + 32 + 5));
        for (age, fields) in kept.iter().enumerate() {
            assert_eq!(fields[0], ("/".into(), "Thu, 01 Jan 1970 00:00:00 GMT".into()));
            assert_eq!(fields[1], ("n".into(), (99 - age).to_string()));
        }
    }

    #[test]
    fn long_ones_are_cut_between_fields() {
        let mut ring = Ring::new();
        push(&mut ring, "a=1&b=23456789012345678901234567890123456789&c=");
        assert_eq!(recalled(&ring, 0).unwrap()[1..], [("a".into(), "1".into())]);
        assert_eq!(recalled(&ring, 1), None);
    }
}
