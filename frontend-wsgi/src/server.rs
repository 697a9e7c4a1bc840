//! The server, as Python sees it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use thimble_core::{Deadlines, Limits};

use thimble_tokio::thimble_host;
use thimble_tokio::{Folder, Log, Stop};

use crate::file::duplicate;
use crate::mount::Mount;
use crate::pool::Pool;
use crate::service::Wsgi;
use crate::worker::work;

/// Octets of content that are received at a time. No form is decoded here.
const RECEIVED: usize = 64 * 1024;

/// How long what is logged may take to be written once the server has stopped.
const FLUSH: Duration = Duration::from_secs(1);

/// A server of a WSGI application.
#[pyclass(module = "thimble_wsgi", frozen)]
pub(crate) struct Server {
    /// Until it runs.
    ready: Mutex<Option<(thimble_tokio::Server, Wsgi)>>,
    stop: Stop,
    log: Log,
    pool: Arc<Pool>,
}

#[pymethods]
impl Server {
    /// Serves the connections of the socket `descriptor`. Deadlines are in seconds: for the next
    /// request, its head, more of its content, and a client to go on reading.
    #[new]
    #[pyo3(signature = (descriptor, *, max_conns, buffer, mounts, deadlines, access, heads, tells_local, has_gil))]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "only the package itself calls it, by keywords"
    )]
    fn new(
        descriptor: i32,
        max_conns: usize,
        buffer: usize,
        mounts: Vec<(String, PathBuf)>,
        deadlines: (u64, u64, u64, u64),
        access: bool,
        heads: bool,
        tells_local: bool,
        has_gil: bool,
    ) -> PyResult<Self> {
        let log = Log::to_stderr().with_name("thimble-wsgi");
        let log = if access { log.with_access() } else { log };
        let log = if heads { log.with_heads() } else { log };
        let mounts = mounts.into_iter().map(|(path, folder)| -> PyResult<Mount> {
            let folder = thimble_host::Folder::open(&folder)?.log(log.clone());
            Ok(Mount::new(&path, Folder::from(folder)))
        });
        let pool = Arc::new(Pool::new(has_gil));
        let service = Wsgi {
            pool: Arc::clone(&pool),
            mounts: mounts.collect::<PyResult<_>>()?,
            buffer,
            tells_local,
        };
        let mut limits = Limits::DESKTOP;
        limits.form = RECEIVED;
        let listener = TcpListener::from(duplicate(descriptor)?);
        let server = thimble_tokio::Server::from_listener(listener)?
            .threads(1)
            .max_conns(max_conns)
            .limits(limits)
            .deadlines(seconds(deadlines))
            .log(log.clone());
        let stop = server.stop();
        Ok(Self { ready: Mutex::new(Some((server, service))), stop, log, pool })
    }

    /// Serves until it is stopped, on the calling thread.
    fn run(&self, py: Python<'_>) -> PyResult<()> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (server, service) = ready.ok_or_else(|| PyRuntimeError::new_err("it ran already"))?;
        py.detach(|| {
            let outcome = server.run(service);
            self.pool.close();
            self.log.flush(FLUSH);
            outcome.map_err(PyOSError::new_err)
        })
    }

    /// Answers requests by `application` on the calling thread, until the server has stopped. Each environ
    /// begins with `base`; `report` is told of errors.
    fn work(
        &self,
        py: Python<'_>,
        application: &Bound<'_, PyAny>,
        base: &Bound<'_, PyDict>,
        report: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        work(py, &self.pool, application, base, report)
    }

    /// Takes no more connections, and ends when all requests under way are answered.
    fn stop(&self) {
        self.stop.stop();
    }

    /// Takes no more connections, and ends when those that are left have had one more reply, or were idle
    /// for too long.
    fn retire(&self) {
        self.stop.retire();
    }

    /// Resets the connections that are left.
    fn cut(&self) {
        self.stop.cut();
    }

    /// The number of requests under way.
    fn unfinished(&self) -> usize {
        self.stop.unfinished().max(self.pool.unfinished())
    }
}

fn seconds((idle, head, content, reply): (u64, u64, u64, u64)) -> Deadlines {
    let mut deadlines = Deadlines::DESKTOP;
    deadlines.idle = Duration::from_secs(idle);
    deadlines.head = Duration::from_secs(head);
    deadlines.content = Duration::from_secs(content);
    deadlines.reply = Duration::from_secs(reply);
    deadlines
}
