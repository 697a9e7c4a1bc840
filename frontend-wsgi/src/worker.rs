//! A Python thread: calls the application for one request after the other.

use pyo3::exceptions::{PyAssertionError, PyConnectionError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyTuple};

use crate::environ::Environs;
use crate::file::FileWrapper;
use crate::head::type_of;
use crate::pool::{Job, Pool};
use crate::request::Request;
use crate::start_response::StartResponse;

/// Answers requests until there are no more.
pub(crate) fn work(
    py: Python<'_>,
    pool: &Pool,
    application: &Bound<'_, PyAny>,
    base: &Bound<'_, PyDict>,
    report: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let mut environs = Environs::new(py, base)?;
    pool.enter();
    while let Some(job) = pool.next(py) {
        let Job::Answer(mut request) = job else { continue };
        if let Err(error) = serve(&mut environs, &mut request, application, report) {
            // Only the system's memory can have run out, or `wsgi.errors` be gone.
            error.write_unraisable(py, None);
            request.call.fail(py);
        }
    }
    Ok(())
}

/// Answers one request. What goes wrong in the application is told by `report`.
fn serve(
    environs: &mut Environs,
    request: &mut Request,
    application: &Bound<'_, PyAny>,
    report: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = application.py();
    let environ = environs.of(py, request)?;
    let start = Bound::new(py, StartResponse::new(&request.call, request.is_head))?;
    let Err(error) = answer(application, &environ, &start) else { return Ok(()) };
    if start.try_borrow()?.is_done() {
        return report.call1((error, environ)).map(drop);
    }
    // A client that is gone is no error of the application.
    if request.call.is_gone() && error.is_instance_of::<PyConnectionError>(py) {
        return Ok(());
    }
    // First the log: whoever gets the reply may look there.
    let reported = report.call1((error, environ));
    // Answers by 500, or cuts the reply.
    request.call.fail(py);
    reported.map(drop)
}

/// Calls the application, and sends its reply.
fn answer(
    application: &Bound<'_, PyAny>,
    environ: &Bound<'_, PyDict>,
    start: &Bound<'_, StartResponse>,
) -> PyResult<()> {
    let result = application.call1((environ, start))?;
    let sent = send(&result, start);
    sent.and(close(&result))
}

/// Closes what the application returned, if it can be closed.
fn close(result: &Bound<'_, PyAny>) -> PyResult<()> {
    // To look for what is not there would take a microsecond.
    if result.is_exact_instance_of::<PyList>() || result.is_exact_instance_of::<PyTuple>() {
        return Ok(());
    }
    match result.getattr_opt(intern!(result.py(), "close"))? {
        Some(close) => close.call0().map(drop),
        None => Ok(()),
    }
}

/// Sends what the application returned.
fn send(result: &Bound<'_, PyAny>, start: &Bound<'_, StartResponse>) -> PyResult<()> {
    let py = start.py();
    if let Ok(wrapper) = result.cast_exact::<FileWrapper>()
        && start.try_borrow()?.is_unsent()
        && let Some((file, offset)) = wrapper.get().opened(py)
    {
        let is_enough = start.try_borrow_mut()?.send_file(py, file, offset).map_err(PyErr::from)?;
        return if is_enough { Ok(()) } else { Err(too_short()) };
    }
    if let Some(length) = length_of(result) {
        start.try_borrow_mut()?.declare(length);
    }
    let mut blocks = PyIterator::from_object(result).map_err(|_| {
        let message = format!("the application returned {}, not an iterable", type_of(result));
        PyTypeError::new_err(message)
    })?;
    // An application may call `start_response` as late as it is asked for the first block.
    while !start.try_borrow()?.omits_content()
        && let Some(block) = blocks.next()
    {
        let block = block?;
        let block = block.cast::<PyBytes>().map_err(|_| {
            PyTypeError::new_err(format!("the application yielded {}, not bytes", type_of(&block)))
        })?;
        start.try_borrow_mut()?.send(py, block)?;
    }
    let mut start = start.try_borrow_mut()?;
    if start.missing() > 0 {
        return Err(too_short());
    }
    Ok(start.end(py)?)
}

/// Octets of content, if all of it is here.
fn length_of(result: &Bound<'_, PyAny>) -> Option<u64> {
    let length =
        |block: Bound<'_, PyAny>| Some(block.cast_exact::<PyBytes>().ok()?.as_bytes().len() as u64);
    if let Ok(list) = result.cast_exact::<PyList>() {
        list.iter().map(length).sum()
    } else if let Ok(tuple) = result.cast_exact::<PyTuple>() {
        tuple.iter().map(length).sum()
    } else {
        None
    }
}

fn too_short() -> PyErr {
    PyAssertionError::new_err("the content is shorter than its Content-Length")
}
