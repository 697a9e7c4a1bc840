//! `wsgi.input`: the content of a request, as a file (PEP 3333, "Input and Error Streams").

use std::sync::Arc;

use pyo3::exceptions::{PyConnectionError, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::call::{Call, Unread};

/// Octets that there is room made for before they have arrived. A client may say that it sends any number.
const AT_ONCE: usize = 32 * 1024 * 1024;

/// The content of a request, as far as it was not read.
#[pyclass(module = "thimble_wsgi")]
pub(crate) struct Input {
    /// Octets that are here, and how many of them were read.
    octets: Vec<u8>,
    read: usize,
    /// Where more comes from; `None` at its end.
    call: Option<Arc<Call>>,
    /// Octets that come from there, if that is known.
    left: Option<u64>,
}

impl Input {
    pub(crate) const fn none() -> Self {
        Self::whole(Vec::new())
    }

    /// Content that is here.
    pub(crate) const fn whole(octets: Vec<u8>) -> Self {
        Self { octets, read: 0, call: None, left: None }
    }

    /// Content of which only the first octets are here, of `length` in all if that is known.
    pub(crate) fn streamed(begun: Vec<u8>, length: Option<u64>, call: &Arc<Call>) -> Self {
        let left = length.map(|length| length.saturating_sub(begun.len() as u64));
        Self { octets: begun, read: 0, call: Some(Arc::clone(call)), left }
    }

    /// What is here.
    fn here(&self) -> &[u8] {
        self.octets.get(self.read..).unwrap_or_default()
    }

    /// Reads more, when nothing is here. Returns whether there is any.
    fn fill(&mut self, py: Python<'_>) -> PyResult<bool> {
        if !self.here().is_empty() {
            return Ok(true);
        }
        self.read = 0;
        self.octets.clear();
        let Some(call) = &self.call else { return Ok(false) };
        self.octets = call.read(py)?;
        self.left = self.left.map(|left| left.saturating_sub(self.octets.len() as u64));
        if self.octets.is_empty() || self.left == Some(0) {
            self.call = None;
        }
        Ok(!self.octets.is_empty())
    }

    /// Takes `count` of the octets that are here.
    fn take(&mut self, count: usize) -> &[u8] {
        let start = self.read;
        self.read = start.saturating_add(count).min(self.octets.len());
        self.octets.get(start..self.read).unwrap_or_default()
    }

    /// Reads up to `most` octets, as far as `until` says: it is shown octets that are here, and returns
    /// how many of them are the last ones.
    fn read_until<'py>(
        &mut self,
        py: Python<'py>,
        most: Option<usize>,
        until: impl Fn(&[u8]) -> Option<usize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut gathered = Vec::new();
        let mut left = most.unwrap_or(usize::MAX);
        while left > 0 && self.fill(py)? {
            let here = self.here();
            let here = here.get(..left).unwrap_or(here);
            let end = until(here);
            let count = end.unwrap_or(here.len());
            left -= count;
            let is_all = left == 0 || end.is_some();
            let octets = self.take(count);
            if is_all && gathered.is_empty() {
                return Ok(PyBytes::new(py, octets));
            }
            gathered.extend_from_slice(octets);
            if is_all {
                break;
            }
        }
        Ok(PyBytes::new(py, &gathered))
    }
}

#[pymethods]
impl Input {
    /// Up to `size` octets, less only at the end; all that are left without a size.
    #[pyo3(signature = (size = None, /))]
    fn read<'py>(&mut self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        let (most, here) = (most(size), self.here().len());
        let left = if self.call.is_some() { self.left } else { Some(0) };
        let all = left.and_then(|left| usize::try_from(left).ok()?.checked_add(here));
        let count = all.map(|all| most.unwrap_or(all).min(all)).filter(|count| *count <= AT_ONCE);
        let Some(count) = count else { return self.read_until(py, most, |_| None) };
        // It is read into its place: a copy of it could be large.
        PyBytes::new_with(py, count, |mut rest| {
            while !rest.is_empty() && self.fill(py)? {
                let octets = self.take(rest.len());
                let (filled, after) = rest.split_at_mut(octets.len());
                filled.copy_from_slice(octets);
                rest = after;
            }
            // What was not read would be zeros.
            if rest.is_empty() { Ok(()) } else { Err(Unread::Gone.into()) }
        })
    }

    /// A line with its LF, or up to `size` octets of it.
    #[pyo3(signature = (size = None, /))]
    fn readline<'py>(
        &mut self,
        py: Python<'py>,
        size: Option<isize>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let end = |here: &[u8]| Some(here.iter().position(|&octet| octet == b'\n')? + 1);
        self.read_until(py, most(size), end)
    }

    /// The lines that are left, or those up to some `hint` of octets.
    #[pyo3(signature = (hint = None, /))]
    fn readlines<'py>(
        &mut self,
        py: Python<'py>,
        hint: Option<isize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let lines = PyList::empty(py);
        let mut left = most(hint).filter(|hint| *hint > 0).unwrap_or(usize::MAX);
        while left > 0 {
            let line = self.readline(py, None)?;
            let count = line.as_bytes().len();
            if count == 0 {
                break;
            }
            left = left.saturating_sub(count);
            lines.append(line)?;
        }
        Ok(lines)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.readline(py, None)?;
        Ok(Some(line).filter(|line| !line.as_bytes().is_empty()))
    }

    /// Does nothing: the server reads what the application leaves.
    #[expect(clippy::unused_self, reason = "files have it")]
    fn close(&self) {}
}

impl From<Unread> for PyErr {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Gone => {
                PyConnectionError::new_err("the client did not send all of the request's content")
            }
            Unread::Late => PyOSError::new_err(
                "the client sends its content after 100 (Continue), which is too late once the reply has \
                 begun: read from wsgi.input before",
            ),
        }
    }
}

/// A size as files have it: all, if there is none or it is negative.
fn most(size: Option<isize>) -> Option<usize> {
    size.and_then(|size| usize::try_from(size).ok())
}
