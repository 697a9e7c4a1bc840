//! The environ of a request (PEP 3333, "environ Variables"; RFC 3875 §4.1).

use std::collections::HashMap;
use std::net::IpAddr;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use thimble_core::Version;
use thimble_core::bytes::ascii::pct_decoded;
use thimble_core::gateway::{field_separator, field_variable};

use crate::input::Input;
use crate::request::{Content, Request};

/// Spellings of field names whose variables are kept. Browsers and proxies use some hundred.
const KEPT: usize = 512;

/// Makes environs, for one thread.
pub(crate) struct Environs {
    /// What is the same in all of them.
    base: Py<PyDict>,
    /// The variables of fields, by the spelling of their names; `None` for those that are left out.
    variables: HashMap<Box<[u8]>, Option<Py<PyString>>>,
    /// The address that the last request came from, and its name.
    peer: Option<(IpAddr, Py<PyString>)>,
    /// The content of requests that have none.
    no_input: Py<Input>,
}

impl Environs {
    /// Each has what `base` has.
    pub(crate) fn new(py: Python<'_>, base: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self {
            base: base.clone().unbind(),
            variables: HashMap::new(),
            peer: None,
            no_input: Py::new(py, Input::none())?,
        })
    }

    /// The environ of `request`.
    pub(crate) fn of<'py>(
        &mut self,
        py: Python<'py>,
        request: &mut Request,
    ) -> PyResult<Bound<'py, PyDict>> {
        let environ = self.base.bind(py).copy()?;
        let content = std::mem::replace(&mut request.content, Content::None);
        let input = match content {
            Content::None => self.no_input.clone_ref(py),
            Content::Whole(octets) => {
                environ.set_item(intern!(py, "CONTENT_LENGTH"), octets.len().to_string())?;
                Py::new(py, Input::whole(octets))?
            }
            Content::Streamed { begun, length } => {
                if let Some(length) = length {
                    environ.set_item(intern!(py, "CONTENT_LENGTH"), length.to_string())?;
                }
                Py::new(py, Input::streamed(begun, length, &request.call))?
            }
        };
        environ.set_item(intern!(py, "wsgi.input"), input)?;
        if request.version == Version::Http10 {
            environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.0"))?;
        }
        self.add_addresses(py, &environ, request)?;
        let mut pieces = request.pieces.iter();
        let mut piece = || pieces.next().unwrap_or_default();
        let (method, path, query, authority) = (piece(), piece(), piece(), piece());
        environ.set_item(intern!(py, "REQUEST_METHOD"), latin1(py, method))?;
        environ.set_item(intern!(py, "PATH_INFO"), decoded(py, path))?;
        environ.set_item(intern!(py, "QUERY_STRING"), latin1(py, query))?;
        self.add_fields(&environ, pieces)?;
        if !authority.is_empty() {
            environ.set_item(intern!(py, "HTTP_HOST"), latin1(py, authority))?;
        }
        Ok(environ)
    }

    fn add_addresses(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        request: &Request,
    ) -> PyResult<()> {
        if let Some(peer) = request.peer {
            let ip = peer.ip().to_canonical();
            if self.peer.as_ref().is_none_or(|(known, _)| *known != ip) {
                self.peer = Some((ip, PyString::new(py, &ip.to_string()).unbind()));
            }
            if let Some((_, name)) = &self.peer {
                environ.set_item(intern!(py, "REMOTE_ADDR"), name)?;
            }
            environ.set_item(intern!(py, "REMOTE_PORT"), peer.port().to_string())?;
        }
        if let Some(local) = request.local {
            let ip = local.ip().to_canonical();
            environ.set_item(intern!(py, "SERVER_NAME"), ip.to_string())?;
        }
        Ok(())
    }

    /// Adds the fields. Those of one name become one variable, their values joined.
    fn add_fields<'a>(
        &mut self,
        environ: &Bound<'_, PyDict>,
        mut pieces: impl Iterator<Item = &'a [u8]>,
    ) -> PyResult<()> {
        let py = environ.py();
        while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
            let Some(variable) = self.variable(py, name) else { continue };
            let value = latin1(py, value);
            let Some(before) = environ.get_item(&variable)? else {
                environ.set_item(variable, value)?;
                continue;
            };
            let separator = field_separator(str::from_utf8(name).unwrap_or_default());
            let joined = format!("{}{separator}{value}", before.cast::<PyString>()?);
            environ.set_item(variable, joined)?;
        }
        Ok(())
    }

    /// The variable of the field `name`; `None` if there is none.
    fn variable<'py>(&mut self, py: Python<'py>, name: &[u8]) -> Option<Bound<'py, PyString>> {
        if let Some(known) = self.variables.get(name) {
            return known.as_ref().map(|variable| variable.bind(py).clone());
        }
        let variable = str::from_utf8(name).ok().and_then(field_variable);
        let variable = variable.map(|name| PyString::intern(py, &name.collect::<String>()));
        if self.variables.len() < KEPT {
            self.variables.insert(name.into(), variable.clone().map(Bound::unbind));
        }
        variable
    }
}

/// Octets as PEP 3333 has them in strings: each is a character ("Unicode Issues").
fn latin1<'py>(py: Python<'py>, octets: &[u8]) -> Bound<'py, PyString> {
    match str::from_utf8(octets) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &octets.iter().map(|&octet| char::from(octet)).collect::<String>()),
    }
}

/// A path without its percent-encoding.
fn decoded<'py>(py: Python<'py>, path: &[u8]) -> Bound<'py, PyString> {
    if !path.contains(&b'%') {
        return latin1(py, path);
    }
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        let decoded = if *first == b'%' { pct_decoded(after) } else { None };
        octets.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    latin1(py, &octets)
}
