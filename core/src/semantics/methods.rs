//! What a resource says to methods that it doesn't have (RFC 9110 §9 and §15).

use crate::message::{Method, Refusal, Status};

/// The names in an Allow field, with what stands between them, and nothing behind them: there is room
/// for more than there are methods.
pub type Names<'m> = [&'m [u8]; 24];

/// The reply to a method that is not among those of a resource: for OPTIONS that they are listed, for
/// one known to RFC 9110 that it is not allowed here, for any other that it is not implemented.
/// Those below 501 list in Allow what is [`allowed`].
pub const fn refuse(method: Method<'_>) -> Refusal {
    match method {
        Method::Options => Refusal::new(Status::NO_CONTENT, ""),
        Method::Extension(_) | Method::Connect => {
            Refusal::new(Status::NOT_IMPLEMENTED, "this method is not known here")
        }
        _ => Refusal::new(Status::METHOD_NOT_ALLOWED, "see the Allow field"),
    }
}

/// The value of Allow (RFC 9110 §10.2.1) for a resource that has `methods`, in parts. HEAD comes with
/// GET, and OPTIONS always.
pub fn allowed<'m>(methods: &'m [Method<'m>]) -> Names<'m> {
    let mut names: Names<'m> = [b""; 24];
    let (pairs, _) = names.as_chunks_mut();
    let mut separator: &[u8] = b"";
    let mut slots = pairs.iter_mut();
    let mut add = |method: &Method<'m>| {
        if let Some([before, name]) = slots.next() {
            *before = separator;
            *name = method.as_str().as_bytes();
            separator = b", ";
        }
    };
    for method in methods {
        add(method);
        if *method == Method::Get {
            add(&Method::Head);
        }
    }
    add(&Method::Options);
    names
}
