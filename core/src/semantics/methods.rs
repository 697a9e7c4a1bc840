//! What a resource says to methods that it doesn't have (RFC 9110 §9 and §15).

use crate::message::{Method, Refusal, Status};

/// Room for the parts of an Allow field: a name and what stands behind it, for more methods than there
/// are, and nothing where there is none.
pub type Names<'m> = [&'m [u8]; 24];

/// Room that is empty.
pub const fn no_names<'m>() -> Names<'m> {
    [b""; 24]
}

/// The reply to a method that is not among those of a resource: for OPTIONS that they are listed, for
/// one known to RFC 9110 that it is not allowed here, for any other that it is not implemented.
/// Those below 501 list in Allow what is [`allowed`].
pub const fn refuse(method: Method<'_>) -> Refusal {
    match method {
        Method::Options => Refusal::new(Status::NO_CONTENT, ""),
        Method::Extension(_) | Method::Connect => {
            Refusal::new(Status::NOT_IMPLEMENTED, "the method is not known here")
        }
        _ => Refusal::new(Status::METHOD_NOT_ALLOWED, "see the Allow field"),
    }
}

/// The value of Allow (RFC 9110 §10.2.1) for a resource that has `methods`, in parts, which are put
/// into `names`. HEAD comes with GET, and OPTIONS always.
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
