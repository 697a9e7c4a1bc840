//! The head of a reply, as an application gives it to `start_response`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use thimble_core::Status;
use thimble_core::bytes::class::{are_field, is_tchar};

use crate::pieces::Pieces;

/// Status-lines that are kept for ever. Applications have few of them.
const KEPT: usize = 1000;

/// Fields that are between two neighbours on the way and not for the application to set: PEP 3333,
/// "Other HTTP Features", and RFC 9110 §7.6.1.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// The head of a reply, checked.
pub(crate) struct ReplyHead {
    pub(crate) status: Status,
    /// Content-Length, if the application said it.
    pub(crate) length: Option<u64>,
    /// Names and values, in turn.
    fields: Pieces,
}

impl ReplyHead {
    /// Checks what an application gives to `start_response`.
    ///
    /// # Errors
    /// `TypeError` and `ValueError` that say what is wrong with it.
    pub(crate) fn new(status: &Bound<'_, PyAny>, fields: &Bound<'_, PyAny>) -> PyResult<Self> {
        let status = read_status(status)?;
        let fields = fields.cast_exact::<PyList>().map_err(|_| {
            PyTypeError::new_err(format!("the headers must be a list, not {}", type_of(fields)))
        })?;
        let pieces = Pieces::with_capacity(64 * fields.len(), 2 * fields.len());
        let mut head = Self { status, length: None, fields: pieces };
        let mut has_type = false;
        for field in fields {
            head.add(&field, &mut has_type)?;
        }
        Ok(head)
    }

    fn add(&mut self, field: &Bound<'_, PyAny>, has_type: &mut bool) -> PyResult<()> {
        let pair = field.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        let pair = pair.ok_or_else(|| {
            let message = format!("a header must be a tuple (name, value), not {field:?}");
            PyTypeError::new_err(message)
        })?;
        let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
        let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
            let message = format!("the name and value of a header must be str, not in {field:?}");
            return Err(PyTypeError::new_err(message));
        };
        let name = name.to_str().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(is_tchar) {
            return Err(PyValueError::new_err(format!("{name:?} is not a header name")));
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let value = latin1(value.to_str().unwrap_or("\u{fffd}")).ok_or_else(|| {
            PyValueError::new_err(format!("the value of {name} has characters that latin-1 lacks"))
        })?;
        if !are_field(&value) {
            let message = format!("the value of {name} has a line end or another control in it");
            return Err(PyValueError::new_err(message));
        }
        if is("Content-Length") {
            let length = read_length(&value).ok_or_else(|| {
                let value = String::from_utf8_lossy(&value);
                PyValueError::new_err(format!("Content-Length can't be {value:?}"))
            })?;
            if self.length.replace(length).is_some() {
                return Err(PyValueError::new_err("there are two Content-Length headers"));
            }
            return Ok(());
        }
        if is("Date") {
            // The server's own says the same.
            return Ok(());
        }
        if is("Content-Type") && std::mem::replace(has_type, true) {
            return Err(PyValueError::new_err("there are two Content-Type headers"));
        }
        if HOP_BY_HOP.iter().any(|other| is(other)) {
            let message = format!("{name} is a hop-by-hop header, which only the server may send");
            return Err(PyValueError::new_err(message));
        }
        self.fields.push(name.as_bytes());
        self.fields.push(&value);
        Ok(())
    }

    /// Whether a reply with this head has no content, whatever the application says.
    pub(crate) const fn has_no_content(&self) -> bool {
        self.status.has_no_content() || self.status.code() == Status::RESET_CONTENT.code()
    }

    /// The names and values of its fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut pieces = self.fields.iter();
        std::iter::from_fn(move || {
            let name = str::from_utf8(pieces.next()?).unwrap_or_default();
            Some((name, pieces.next()?))
        })
    }
}

/// The status that a string such as `200 OK` names.
fn read_status(text: &Bound<'_, PyAny>) -> PyResult<Status> {
    let text = text.cast::<PyString>().map_err(|_| {
        PyTypeError::new_err(format!("the status must be str, not {}", type_of(text)))
    })?;
    let text = text.to_str().unwrap_or_default();
    let mut known = STATUSES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(status) = known.as_ref().and_then(|known| known.get(text)) {
        return Ok(*status);
    }
    let wrong = |why: &str| PyValueError::new_err(format!("the status can't be {text:?}: {why}"));
    let (digits, reason) = text
        .split_at_checked(3)
        .filter(|(digits, _)| digits.bytes().all(|octet| octet.is_ascii_digit()))
        .ok_or_else(|| wrong("write three digits, a space and a reason"))?;
    let reason = reason
        .strip_prefix(' ')
        .ok_or_else(|| wrong("write three digits, a space and a reason"))?;
    let code: u16 = digits.parse().unwrap_or_default();
    if !(200..600).contains(&code) {
        return Err(wrong("the code of a reply is from 200 to 599"));
    }
    let is_latin1 = reason.chars().all(|character| u32::from(character) <= 0xff);
    if !is_latin1 || !are_field(reason.as_bytes()) {
        return Err(wrong("its reason has a control or a character that latin-1 lacks"));
    }
    // Octets beyond ASCII are obs-text, which means nothing to clients; none is better (RFC 9112 §4).
    let reason = if reason.is_ascii() { reason } else { "" };
    let known = known.get_or_insert_default();
    // Of more than any application has, those that come later have no reason.
    let (key, reason) = if known.len() < KEPT { (text, reason) } else { (digits, "") };
    if let Some(status) = known.get(key) {
        return Ok(*status);
    }
    let reason: &'static str = reason.to_owned().leak();
    let line: &'static (u16, &'static str) = Box::leak(Box::new((code, reason)));
    let status = Status::new(line).ok_or_else(|| wrong("it is none"))?;
    known.insert(key.to_owned(), status);
    Ok(status)
}

/// The statuses that were sent, by what the application called them.
static STATUSES: Mutex<Option<HashMap<String, Status>>> = Mutex::new(None);

/// `text` in latin-1; `None` if it has other characters.
fn latin1(text: &str) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let octets = text.chars().map(|character| u8::try_from(u32::from(character)).ok());
    octets.collect::<Option<Vec<u8>>>().map(Cow::Owned)
}

/// The number that `value` is, in digits.
fn read_length(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(value).ok()?;
    text.parse().ok().filter(|_| text.bytes().all(|octet| octet.is_ascii_digit()))
}

/// The name of the type of `object`, for messages.
pub(crate) fn type_of(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "that".to_owned(), |name| name.to_string())
}
