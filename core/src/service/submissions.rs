//! Submitted forms: how they are stored, and how they are read back.

use core::net::SocketAddr;

use super::form::{END, Form, FormField, Size, encode_field, encode_file, encode_size};
use super::storage::ReadError;
use crate::bytes::cursor::Cursor;
use crate::bytes::window::copy_down;
use crate::grammar::date::{UnixTime, imf_fixdate};
use crate::message::{Refusal, Status};
use crate::server::Later;

/// A form that was submitted.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Submission<'a> {
    /// When it was submitted, if that is known.
    pub time: Option<UnixTime>,
    /// The path it was sent to, still percent-encoded.
    pub path: &'a str,
    /// The address that it came from, if that is known.
    pub peer: Option<SocketAddr>,
    /// Its fields.
    pub form: Form<'a>,
    /// The names under which its files are kept, as [`Batch::names`](super::Batch::names) has them; empty
    /// if they aren't.
    pub kept: &'a str,
}

impl<'a> Submission<'a> {
    /// A form that was sent to `path`, at no known time and from no known address.
    pub const fn new(path: &'a str, form: Form<'a>) -> Self {
        Self { time: None, path, peer: None, form, kept: "" }
    }

    /// The fields of the form, each with the name under which its file is kept, if it is.
    pub fn fields(
        &self,
    ) -> impl Iterator<Item = (FormField<'a>, Option<&'a str>)> + Clone + use<'a> {
        let mut names = self.kept.split_terminator('/');
        self.form.fields().map(move |field| {
            let kept = if field.has_file() { names.next() } else { None };
            (field, kept)
        })
    }
}

/// Stores submitted forms. It may wait, and fail: the client gets its reply when it is done.
///
/// The methods of this and of [`Recall`] take `&self`, since several connections may submit at the same
/// time. Use a lock on a desktop or a `RefCell` on a microcontroller, and don't hold either across an
/// `await`.
///
/// # Examples
/// A store that takes no more than it has room for, and shows what it has.
/// ```
/// use std::sync::Mutex;
///
/// use thimble_core::message::{Refusal, Status};
/// use thimble_core::service::{Recall, Recalled, ReadError, Submission, Submissions};
///
/// const FULL: Refusal = Refusal::with_field(Status::SERVICE_UNAVAILABLE, &("the book is full", "Retry-After", "3600"));
///
/// #[derive(Default)]
/// struct Guests(Mutex<Vec<String>>);
///
/// impl Submissions for Guests {
///     async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
///         let name = submission.form.get("name").unwrap_or("nobody");
///         let mut guests = self.0.lock().map_err(|_| FULL)?;
///         if guests.len() == 100 {
///             return Err(FULL);
///         }
///         guests.push(name.to_owned());
///         Ok(())
///     }
/// }
///
/// impl Recall for Guests {
///     async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
///         let guests = self.0.lock().map_err(|_| ReadError)?;
///         let Some(name) = guests.iter().rev().nth(age) else { return Ok(false) };
///         into.begin("/guests", None);
///         into.field("name", name);
///         Ok(true)
///     }
/// }
///
/// # use core::task::Waker;
/// # use thimble_core::server::blocking::block_on;
/// # use thimble_core::service::Form;
/// # let guests = Guests::default();
/// # let mut content = *b"name=Ada";
/// # let form = Form::decode(&mut content).unwrap();
/// # let submission = Submission::new("/guests", form);
/// # let mut buffer = [0; 64];
/// # let mut into = Recalled::new(&mut buffer);
/// # block_on(async {
/// #     assert_eq!(guests.submit(&submission).await, Ok(()));
/// #     assert_eq!(guests.recall(0, &mut into).await, Ok(true));
/// #     assert!(into.fields().iter().eq([("/guests", ""), ("name", "Ada")]));
/// #     assert_eq!(guests.recall(1, &mut into).await, Ok(false));
/// # }, Waker::noop(), || ());
/// ```
#[expect(async_fn_in_trait, reason = "`Send` follows from the store, as DESIGN asks")]
pub trait Submissions {
    /// Stores a submission.
    ///
    /// # Errors
    /// The refusal that answers the client instead: 503 with Retry-After, for instance, if there is no room
    /// for now.
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal>;

    /// Stores a submission like [`submit`](Self::submit), or begins to do so: where the client has sent its
    /// next request already and `later` is given, the reply can wait in the transmit buffer, so that
    /// all that the client sent is stored together. By default, it is `submit`.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit). A failure after that is told to the transport, which then sends
    /// no such reply.
    fn begin(
        &self,
        submission: &Submission<'_>,
        later: Option<Later<'_>>,
    ) -> impl Future<Output = Result<(), Refusal>> {
        let _ = later;
        self.submit(submission)
    }
}

/// Reads stored submissions back, to show them.
#[expect(async_fn_in_trait, reason = "`Send` follows from the store, as DESIGN asks")]
pub trait Recall {
    /// The most submissions on one page; a link leads to the next page. By default, one page shows all.
    const PAGE: usize = usize::MAX;

    /// Puts a stored submission into `into`: the latest for `age` 0, the one before for 1, and so on.
    /// Returns false if there is none, past the oldest.
    ///
    /// # Errors
    /// The store failed. The connection is cut, so that the page doesn't look whole.
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError>;
}

/// A stored submission that is read back into a buffer. The first field that doesn't fit, and all after
/// it, are left out.
#[derive(Debug)]
pub struct Recalled<'b> {
    buffer: &'b mut [u8],
    len: usize,
    is_full: bool,
}

impl<'b> Recalled<'b> {
    /// An empty one, with `buffer` for its fields.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0, is_full: false }
    }

    /// Begins a submission, with the path that it was sent to and the time if that is known.
    pub fn begin(&mut self, path: &str, time: Option<UnixTime>) {
        (self.len, self.is_full) = (0, false);
        let date = time.map(imf_fixdate);
        let date = date.as_ref().and_then(|date| core::str::from_utf8(date).ok());
        self.field(path, date.unwrap_or_default());
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, value: &str) {
        self.push(&encode_field(name, value));
    }

    /// Adds a file, of which its name, type and size are known.
    pub fn file(&mut self, name: &str, filename: &str, content_type: &str, size: u64) {
        let mut encoded = Size::default();
        encode_size(size, &mut encoded);
        self.push(&encode_file(name, filename, &encoded, content_type));
    }

    /// Adds a field in pieces.
    fn push(&mut self, pieces: &[&[u8]]) {
        let mut cursor = Cursor::new(self.buffer.get_mut(self.len..).unwrap_or_default());
        for piece in pieces {
            cursor.push(piece);
        }
        match cursor.written() {
            Ok(count) if !self.is_full => self.len += count,
            _ => self.is_full = true,
        }
    }

    /// The fields. The name of the first is the path, its value the time.
    pub fn fields(&self) -> Form<'_> {
        Form::from_decoded(self.buffer.get(..self.len).unwrap_or_default())
    }

    /// All of a record, which is made of whole fields.
    fn record(&mut self, record: &[u8]) {
        let mut cursor = Cursor::new(self.buffer);
        cursor.push(record);
        self.len = cursor.written().unwrap_or_default();
    }
}

impl<K: Submissions> Submissions for &K {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        (**self).submit(submission).await
    }

    fn begin(
        &self,
        submission: &Submission<'_>,
        later: Option<Later<'_>>,
    ) -> impl Future<Output = Result<(), Refusal>> {
        (**self).begin(submission, later)
    }
}

impl<R: Recall> Recall for &R {
    const PAGE: usize = R::PAGE;

    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        (**self).recall(age, into).await
    }
}

/// Stores nothing.
impl Submissions for () {
    async fn submit(&self, _: &Submission<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Has nothing to show.
impl Recall for () {
    async fn recall(&self, _: usize, _: &mut Recalled<'_>) -> Result<bool, ReadError> {
        Ok(false)
    }
}

const BUSY: Refusal = Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("try again in a moment", "Retry-After", "1"),
);

impl<const N: usize> Submissions for core::cell::RefCell<Ring<N>> {
    async fn submit(&self, submission: &Submission<'_>) -> Result<(), Refusal> {
        let mut ring = self.try_borrow_mut().map_err(|_| BUSY)?;
        ring.push(submission);
        Ok(())
    }
}

impl<const N: usize> Recall for core::cell::RefCell<Ring<N>> {
    async fn recall(&self, age: usize, into: &mut Recalled<'_>) -> Result<bool, ReadError> {
        Ok(self.try_borrow().map_err(|_| ReadError)?.recall(age, into))
    }
}

/// The latest submissions, as many as fit into `N` octets of memory.
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

    /// Adds a submission, and removes the oldest ones to make room for it.
    pub fn push(&mut self, submission: &Submission<'_>) {
        let date = submission.time.map(imf_fixdate);
        let date = date.as_ref().and_then(|date| core::str::from_utf8(date).ok());
        let first = encode_field(submission.path, date.unwrap_or_default());
        let fields = submission.form.encoded();
        let size = first.iter().map(|piece| piece.len()).sum::<usize>();
        let sizes = fields.clone().map(|field| field.len() + END.len());
        let (mut length, mut count) = (0, 0usize);
        for size in core::iter::once(size).chain(sizes) {
            if length + size > Self::LONGEST {
                break;
            }
            (length, count) = (length + size, count + 1);
        }
        self.make_room(2 + length);
        // There is room now, and no record is longer than 16 bits can say.
        let prefix = u16::try_from(length).unwrap_or_default().to_le_bytes();
        let _ = self.records.extend_from_slice(&prefix);
        let first = first.into_iter().take(if count > 0 { first.len() } else { 0 });
        let fields = fields.take(count.saturating_sub(1)).flat_map(|field| [field, END]);
        for piece in first.chain(fields) {
            let _ = self.records.extend_from_slice(piece);
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
        let end = self.records.len();
        copy_down(&mut self.records, freed, end, 0);
        self.records.truncate(end - freed);
    }

    /// Puts the submission of `age` into `into`, 0 being the latest. Returns whether there is one. A
    /// buffer of `N / 4` octets is always large enough.
    pub fn recall(&self, age: usize, into: &mut Recalled<'_>) -> bool {
        let index = self.iter().count().checked_sub(age + 1);
        let record = index.and_then(|index| self.iter().nth(index));
        if let Some(record) = record {
            into.record(record);
        }
        record.is_some()
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
        let mut submission = Submission::new("/", form);
        submission.time = Some(UnixTime(0));
        ring.push(&submission);
    }

    fn recalled(ring: &Ring<256>, age: usize) -> Option<Vec<(String, String)>> {
        let mut buffer = [0; 64];
        let mut into = Recalled::new(&mut buffer);
        let fields = ring.recall(age, &mut into).then(|| into.fields())?;
        Some(fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
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
