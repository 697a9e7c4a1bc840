//! The replies to methods that a resource doesn't allow (RFC 9110 §9 and §15).

use crate::message::{Method, Refusal, Status};

/// Room for the parts of an Allow field: for each method its name and a separator. Parts that are not
/// used are empty.
pub type Names<'m> = [&'m [u8]; 24];

/// Empty room for [`allowed`].
pub const fn no_names<'m>() -> Names<'m> {
    [b""; 24]
}

const NOT_IMPLEMENTED: &Refusal =
    &Refusal::new(Status::NOT_IMPLEMENTED, "the method is not implemented");
const NOT_ALLOWED: &Refusal =
    &Refusal::new(Status::METHOD_NOT_ALLOWED, "the Allow field lists the methods");

/// What refuses a method that is not among those of a resource: 405 with Allow from [`allowed`] for a
/// method of RFC 9110, and 501 for CONNECT and any other method. `None` for OPTIONS, which is not refused:
/// it gets a 204 with the same Allow.
pub const fn refusal_of(method: Method<'_>) -> Option<&'static Refusal> {
    match method {
        Method::Options => None,
        Method::Extension(_) | Method::Connect => Some(NOT_IMPLEMENTED),
        _ => Some(NOT_ALLOWED),
    }
}

/// The value of Allow (RFC 9110 §10.2.1) for a resource that has `methods`, as parts to be concatenated,
/// which are put into `names`. OPTIONS is always listed, and HEAD if there is GET.
pub fn allowed<'n, 'm>(methods: &[Method<'m>], names: &'n mut Names<'m>) -> &'n [&'m [u8]] {
    let (pairs, _) = names.as_chunks_mut();
    let mut pairs = pairs.iter_mut();
    for (method, [name, separator]) in methods.iter().zip(pairs.by_ref()) {
        *name = match method {
            Method::Get => b"GET, HEAD",
            other => other.as_str().as_bytes(),
        };
        *separator = b", ";
    }
    if let Some([name, _]) = pairs.next() {
        *name = b"OPTIONS";
    }
    names
}
