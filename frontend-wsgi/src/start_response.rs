//! `start_response`, and what follows from it (PEP 3333, "The start_response() Callable").

use std::sync::Arc;

use pyo3::exceptions::{PyAssertionError, PyConnectionError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::call::{Call, Content, Gone, Part};
use crate::file::SentFile;
use crate::head::{ReplyHead, type_of};

/// Content that is copied. Of more, the application's own octets are sent.
const COPIED: usize = 32 * 1024;

/// The reply to one request.
#[pyclass(module = "thimble_wsgi")]
pub(crate) struct StartResponse {
    call: Arc<Call>,
    is_head: bool,
    /// Whether content is dropped: the request is HEAD, or the status of the reply has none.
    omits_content: bool,
    state: State,
}

/// How far the reply is.
enum State {
    /// `start_response` was not called.
    Unset,
    /// Its head can still be replaced.
    Set(ReplyHead),
    /// Its head is sent; so many octets of content may follow, if that is known.
    Begun { left: Option<u64> },
    /// Nothing of it is left to be sent.
    Done,
}

/// Why content can't be sent.
pub(crate) enum Unsent {
    /// The client is gone.
    Gone,
    /// `start_response` was not called.
    Early,
    /// There is more of it than the application said. What it said was sent.
    Long,
}

impl From<Gone> for Unsent {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Unsent> for PyErr {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Gone => PyConnectionError::new_err("the client is gone"),
            Unsent::Early => PyAssertionError::new_err(
                "start_response was not called before the first content of the reply",
            ),
            Unsent::Long => PyAssertionError::new_err(
                "the content is longer than its Content-Length; the rest is dropped",
            ),
        }
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info = None))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        status: &Bound<'py, PyAny>,
        headers: &Bound<'py, PyAny>,
        exc_info: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Write> {
        let mut this = slf.try_borrow_mut()?;
        match (&this.state, exc_info) {
            (State::Begun { .. } | State::Done, Some(exc_info)) => return Err(raised(exc_info)),
            (State::Unset, _) | (State::Set(_), Some(_)) => {}
            (_, None) => {
                return Err(PyAssertionError::new_err(
                    "start_response was called before: only an error handler may call it again, with exc_info",
                ));
            }
        }
        let head = ReplyHead::new(status, headers)?;
        this.omits_content = this.is_head || head.has_no_content();
        this.state = State::Set(head);
        drop(this);
        Ok(Write(slf.clone().unbind()))
    }
}

/// The exception of an application that calls `start_response` when it is too late.
fn raised(exc_info: &Bound<'_, PyAny>) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let exc_info = exc_info.cast::<PyTuple>()?;
        let (value, traceback) = (exc_info.get_item(1)?, exc_info.get_item(2)?);
        Ok(PyErr::from_value(value.call_method1("with_traceback", (traceback,))?))
    };
    raise().unwrap_or_else(|error| error)
}

/// What `start_response` returns: sends content at once.
#[pyclass(module = "thimble_wsgi", frozen)]
struct Write(Py<StartResponse>);

#[pymethods]
impl Write {
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = data.cast::<PyBytes>().map_err(|_| {
            PyTypeError::new_err(format!("write() takes bytes, not {}", type_of(data)))
        })?;
        Ok(self.0.bind(py).try_borrow_mut()?.send(py, data)?)
    }
}

impl StartResponse {
    pub(crate) fn new(call: &Arc<Call>, is_head: bool) -> Self {
        Self { call: Arc::clone(call), is_head, omits_content: is_head, state: State::Unset }
    }

    /// Whether `start_response` was called.
    pub(crate) const fn is_set(&self) -> bool {
        !matches!(self.state, State::Unset)
    }

    /// Whether nothing of the reply is left to be sent.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Says how long the content is, if the application has not.
    pub(crate) fn declare(&mut self, length: u64) {
        // In reply to HEAD, applications leave their content out.
        if let State::Set(head) = &mut self.state
            && head.length.is_none()
            && !(self.omits_content && length == 0)
        {
            head.length = Some(length);
        }
    }

    /// Whether the content is known to be dropped.
    pub(crate) const fn omits_content(&self) -> bool {
        self.is_set() && self.omits_content
    }

    /// Sends content, in the background.
    pub(crate) fn send(&mut self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> Result<(), Unsent> {
        let octets = data.as_bytes();
        if octets.is_empty() {
            return Ok(());
        }
        if self.omits_content() {
            return self.end(py);
        }
        let (head, left) = match std::mem::replace(&mut self.state, State::Done) {
            State::Unset => {
                self.state = State::Unset;
                return Err(Unsent::Early);
            }
            State::Set(head) => {
                let left = head.length;
                (Some(head), left)
            }
            State::Begun { left } => (None, left),
            State::Done => return Err(Unsent::Long),
        };
        let most = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let is_long = octets.len() > most;
        let sent = octets.get(..most).unwrap_or(octets);
        let left = left.map(|left| left.saturating_sub(sent.len() as u64));
        let content = if sent.len() <= COPIED || is_long {
            Content::Copied(sent.to_vec())
        } else {
            Content::Shared(data.clone().into())
        };
        let is_last = left == Some(0);
        self.pass(py, Part { head, content, is_last })?;
        if !is_last {
            self.state = State::Begun { left };
        }
        if is_long { Err(Unsent::Long) } else { Ok(()) }
    }

    /// Hands a part of the reply over.
    fn pass(&mut self, py: Python<'_>, part: Part) -> Result<(), Gone> {
        self.call.send(py, part).inspect_err(|_| {
            // It was not the last one.
            self.state = State::Begun { left: None };
        })
    }

    /// Sends octets of a file, which are all of the content. Returns whether there are enough.
    pub(crate) fn send_file(
        &mut self,
        py: Python<'_>,
        file: SentFile,
        offset: u64,
    ) -> Result<bool, Unsent> {
        let there = file.length.saturating_sub(offset);
        self.declare(there);
        let length = self.missing();
        if length > there {
            return Ok(false);
        }
        let State::Set(head) = std::mem::replace(&mut self.state, State::Done) else {
            return Err(Unsent::Early);
        };
        let content = Content::Of { file, offset, length };
        self.pass(py, Part { head: Some(head), content, is_last: true })?;
        Ok(true)
    }

    /// Ends the content.
    pub(crate) fn end(&mut self, py: Python<'_>) -> Result<(), Unsent> {
        let head = match std::mem::replace(&mut self.state, State::Done) {
            State::Unset => {
                self.state = State::Unset;
                return Err(Unsent::Early);
            }
            State::Set(mut head) => {
                if head.has_no_content() || (head.length.is_none() && !self.is_head) {
                    head.length = Some(0);
                }
                Some(head)
            }
            State::Begun { .. } => None,
            State::Done => return Ok(()),
        };
        let content = Content::Copied(Vec::new());
        Ok(self.pass(py, Part { head, content, is_last: true })?)
    }

    /// Whether its head is still to be sent.
    pub(crate) const fn is_unsent(&self) -> bool {
        matches!(self.state, State::Set(_))
    }

    /// Octets that are still to come for what the application said.
    pub(crate) fn missing(&self) -> u64 {
        match &self.state {
            State::Set(head) if !self.omits_content => head.length.unwrap_or_default(),
            State::Begun { left } => left.unwrap_or_default(),
            _ => 0,
        }
    }
}
