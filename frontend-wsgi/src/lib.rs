//! WSGI applications (PEP 3333) on Thimble: the extension module of the Python package `thimble-wsgi`.
//!
//! One thread receives requests and sends replies, over [`thimble_tokio`]. It never takes the GIL. The
//! application is called by a few threads that Python made.
//!
//! | module | what it knows |
//! |---|---|
//! | `server` | the server as Python sees it |
//! | `service` | a request on its way to a Python thread, and the reply on its way back |
//! | `mount` | folders that are served without the application |
//! | `pool` | what waits for a Python thread |
//! | `call` | what the thread and the task of one request tell each other |
//! | `worker` | calls the application |
//! | `environ`, `input`, `start_response`, `file` | what the application gets |
//! | `request`, `head`, `pieces` | what crosses between threads |

mod call;
mod environ;
mod file;
mod head;
mod input;
mod mount;
mod pieces;
mod pool;
mod request;
mod server;
mod service;
mod start_response;
mod worker;

/// What the package's own Python code uses.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::file::FileWrapper;
    #[pymodule_export]
    use super::server::Server;
}
