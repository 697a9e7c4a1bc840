//! `wsgi.file_wrapper`: a file of the application, sent by the kernel where it is a real one.

use std::any::Any;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt as _;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use thimble_core::service::storage::{self, Metadata, ReadError};

/// The block size of those who say none.
const BLOCK: usize = 64 * 1024;

/// What an application returns to have a file sent: an iterable of its blocks (PEP 3333, "Optional
/// Platform-Specific File Handling").
#[pyclass(module = "thimble_wsgi", frozen)]
pub(crate) struct FileWrapper {
    file: Py<PyAny>,
    block: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, block_size = BLOCK, /))]
    fn new(filelike: Py<PyAny>, block_size: usize) -> Self {
        Self { file: filelike, block: block_size.max(1) }
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let block = self.file.bind(py).call_method1(intern!(py, "read"), (self.block,))?;
        Ok(block.is_truthy()?.then_some(block))
    }

    /// Closes the file, if it can be closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.file.bind(py).getattr_opt(intern!(py, "close"))? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}

impl FileWrapper {
    /// The file and the position in it, if it is a regular file that Python reads as it is.
    pub(crate) fn opened(&self, py: Python<'_>) -> Option<(SentFile, u64)> {
        let file = self.file.bind(py);
        if !is_plain(file).unwrap_or(false) {
            return None;
        }
        let descriptor: RawFd = file.call_method0(intern!(py, "fileno")).ok()?.extract().ok()?;
        let offset = file.call_method0(intern!(py, "tell")).ok()?.extract().ok()?;
        let file = SentFile::new(descriptor).ok()??;
        Some((file, offset))
    }
}

/// Whether what is read from `file` are the octets of its descriptor: gzip's files have one, too.
fn is_plain(file: &Bound<'_, PyAny>) -> PyResult<bool> {
    static RAW: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static BUFFERED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static RANDOM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = file.py();
    let raw = RAW.import(py, "io", "FileIO")?;
    let is_buffered = file.is_exact_instance(BUFFERED.import(py, "io", "BufferedReader")?)
        || file.is_exact_instance(RANDOM.import(py, "io", "BufferedRandom")?);
    if is_buffered {
        return Ok(file.getattr(intern!(py, "raw"))?.is_exact_instance(raw));
    }
    Ok(file.is_exact_instance(raw))
}

/// A regular file that is sent.
pub(crate) struct SentFile {
    file: File,
    /// Its octets.
    pub(crate) length: u64,
}

impl SentFile {
    /// The file of Python's `descriptor`; `None` if it is no regular file.
    fn new(descriptor: RawFd) -> io::Result<Option<Self>> {
        let file = File::from(duplicate(descriptor)?);
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| Self { length: metadata.len(), file }))
    }
}

/// Another descriptor of what Python's `descriptor` is of.
#[expect(unsafe_code, reason = "Python has descriptors as numbers")]
pub(crate) fn duplicate(descriptor: RawFd) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is used for nothing but this call, which fails when it is not open.
    unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()
}

impl storage::File for SentFile {
    fn metadata(&self) -> Metadata<'_> {
        Metadata { len: self.length, ..Metadata::default() }
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.file.read_at(buffer, offset).map_err(|_| ReadError)
    }

    fn handle(&self) -> Option<&(dyn Any + Send + Sync)> {
        Some(&self.file)
    }
}
