//! The replies to methods that a resource doesn't allow (RFC 9110 §9 and §15).

use crate::message::{Method, Refusal, Status};

/// Room for the parts of an Allow field: for each method its name and a separator. Parts that are not
/// used are empty.
pub type Names<'m> = [&'m [u8]; 24];

/// Empty room for [`allowed`].
pub const fn no_names<'m>() -> Names<'m> {
    [b""; 24]
}

/// The reply to a method that is not among those of a resource: 204 to OPTIONS, 405 to another method of
/// RFC 9110, both with Allow from [`allowed`], and 501 to CONNECT and to any other method.
pub const fn refuse(method: Method<'_>) -> Refusal {
    match method {
        Method::Options => Refusal::new(Status::NO_CONTENT, ""),
        Method::Extension(_) | Method::Connect => {
            Refusal::new(Status::NOT_IMPLEMENTED, "the method is not implemented")
        }
        _ => Refusal::new(Status::METHOD_NOT_ALLOWED, "the Allow field lists the methods"),
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
