//! The decision about a file's reply, without the file.

use crate::bytes::ascii::Decimal;
use crate::grammar::date::{UnixTime, imf_fixdate};
use crate::grammar::range::RangeSet;
use crate::message::{Method, Refusal, Status};
use crate::semantics::conditional::{Access, FieldLines, Outcome, Validators, evaluate, if_range};
use crate::semantics::methods::{allowed, no_names, refusal_of};
use crate::semantics::negotiate::{Coding, Codings};
use crate::semantics::range::{OctetRange, Parts, Selection, select};

/// What Cache-Control says if nothing else is said.
pub(super) const NO_CACHE: &str = "no-cache";
/// What answers a request whose preconditions don't hold.
pub(crate) const PRECONDITION_FAILED: &Refusal =
    &Refusal::new(Status::PRECONDITION_FAILED, "a precondition of the request doesn't hold");
/// What answers a request that accepts no coding in which the file stands.
const NOT_ACCEPTABLE: &Refusal =
    &Refusal::new(Status::NOT_ACCEPTABLE, "no acceptable content coding is available");
/// What answers a request for ranges that the file doesn't have.
const NOT_SATISFIABLE: &Refusal = &Refusal::new(
    Status::RANGE_NOT_SATISFIABLE,
    "all of the ranges begin after the end of the file",
);

/// The parts of a request that decide about the reply.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r, F: ?Sized> {
    /// Its method.
    pub method: Method<'r>,
    /// Its fields.
    pub fields: &'r F,
    /// The time of the reply's Date; `None` without a clock.
    pub now: Option<UnixTime>,
}

/// A file that was found.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'v> {
    /// Its Content-Type, in every coding.
    pub content_type: &'v str,
    /// The value of Cache-Control; if it is empty, the field is not sent.
    pub cache_control: &'v str,
    /// The methods that it allows. HEAD comes with GET, and OPTIONS always.
    pub methods: &'v [Method<'v>],
    /// The codings in which it is available besides [`Coding::Identity`].
    pub codings: Codings,
    /// Its representation in the coding that [`choose`](crate::semantics::negotiate::choose) has found for
    /// the request; `None` if none is acceptable. Only GET and HEAD need it.
    pub variant: Option<Variant<'v>>,
}

/// A representation of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant<'v> {
    /// Its content coding.
    pub coding: Coding,
    /// Its length in octets, as it is coded.
    pub len: u64,
    /// Its validators.
    pub validators: Validators<'v>,
}

/// The content of a reply. The plan for HEAD is the same as for GET; don't send the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'r> {
    /// Nothing of the file. A [refusal](Plan::reason) may have its reason as content.
    None,
    /// All of it.
    Whole,
    /// One range of it.
    One(OctetRange),
    /// Several ranges of it, each after a [delimiter](Plan::delimiter), and the last delimiter.
    Parts(Parts<'r>),
}

/// The reply to a request for a file.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'p> {
    /// Its status.
    pub status: Status,
    /// Why the request is refused, in a line for people; empty if it isn't.
    pub reason: &'static str,
    /// Its content.
    pub content: Content<'p>,
    pub(super) content_type: &'p str,
    cache_control: &'p str,
    methods: &'p [Method<'p>],
    pub(super) variant: Variant<'p>,
    /// Whether other requests may get other codings.
    is_negotiated: bool,
    /// Whether the client has the fields of the representation from an earlier reply.
    is_known: bool,
}

/// Plans the reply to a request for a file: methods, preconditions and ranges (RFC 9110 §9.3, §13,
/// §14), in that order. Choose the content coding before (§12.5.3), so that only the file in that coding
/// has to be opened.
///
/// This is a pure function: nothing is read, sent or remembered, and any server can use it, with the
/// fields of its own requests.
///
/// # Examples
/// A client that has the first half of a file asks for the rest.
/// ```
/// use thimble_core::message::{Method, Status};
/// use thimble_core::semantics::negotiate::Codings;
/// use thimble_core::service::files::{Content, Request, Resource, Variant, plan};
///
/// let fields = [("Range", &b"bytes=5-"[..])];
/// let request = Request { method: Method::Get, fields: &fields[..], now: None };
/// let resource = Resource {
///     content_type: "text/plain",
///     cache_control: "no-cache",
///     methods: &[Method::Get],
///     codings: Codings::NONE,
///     variant: Some(Variant { len: 10, ..Variant::default() }),
/// };
///
/// let plan = plan(&request, resource);
/// assert_eq!(plan.status, Status::PARTIAL_CONTENT);
/// let Content::One(range) = plan.content else { panic!() };
/// assert_eq!((range.first, range.last, plan.length()), (5, 9, 5));
/// let mut head = String::new();
/// plan.fields(|name, value| {
///     head += &format!("{name}: {}\n", String::from_utf8_lossy(&value.concat()));
/// });
/// assert!(head.contains("Content-Range: bytes 5-9/10\n"));
/// ```
pub fn plan<'p>(
    request: &Request<'p, impl FieldLines + ?Sized>,
    resource: Resource<'p>,
) -> Plan<'p> {
    let Resource { content_type, cache_control, methods, codings, mut variant } = resource;
    if let (Some(variant), Some(now)) = (&mut variant, request.now) {
        // A date in the future would be no validator (RFC 9110 §8.8.2.1).
        let modified = &mut variant.validators.modified;
        *modified = modified.map(|modified| modified.min(now));
    }
    let (status, reason, content) = match content(request, variant.as_ref()) {
        Ok((status, content)) => (status, "", content),
        Err(Refusal { status, reason, .. }) => (*status, reason.line(), Content::None),
    };
    Plan {
        status,
        reason,
        content,
        content_type,
        cache_control,
        methods,
        variant: variant.unwrap_or_default(),
        is_negotiated: codings.without(Coding::Identity) != Codings::NONE,
        is_known: status == Status::PARTIAL_CONTENT && request.fields.has("If-Range"),
    }
}

/// What is sent of a file, with the status that says so, or why nothing of it.
fn content<'p>(
    request: &Request<'p, impl FieldLines + ?Sized>,
    variant: Option<&Variant<'_>>,
) -> Result<(Status, Content<'p>), &'static Refusal> {
    const WHOLE: (Status, Content<'_>) = (Status::OK, Content::Whole);
    let &Request { method, fields, now } = request;
    if !matches!(method, Method::Get | Method::Head) {
        return refusal_of(method).map_or(Ok((Status::NO_CONTENT, Content::None)), Err);
    }
    let Variant { len, validators, .. } = variant.ok_or(NOT_ACCEPTABLE)?;
    match evaluate(fields, validators, Access::Reads, now) {
        Outcome::NotModified => return Ok((Status::NOT_MODIFIED, Content::None)),
        Outcome::Failed => return Err(PRECONDITION_FAILED),
        // Only GET has ranges (RFC 9110 §14.2).
        Outcome::Proceed if method == Method::Head => return Ok(WHOLE),
        Outcome::Proceed => {}
    }
    let set = fields.only("Range").and_then(RangeSet::parse);
    let Some(set) = set.filter(|_| if_range(fields, validators, now)) else {
        return Ok(WHOLE);
    };
    match select(set, *len) {
        Selection::Whole => Ok(WHOLE),
        Selection::Unsatisfiable => Err(NOT_SATISFIABLE),
        Selection::One(range) => Ok((Status::PARTIAL_CONTENT, Content::One(range))),
        Selection::Parts(parts) => Ok((Status::PARTIAL_CONTENT, Content::Parts(parts))),
    }
}

impl<'p> Plan<'p> {
    /// Sends a page of `len` octets which says that nothing is found.
    pub(super) fn not_found(content_type: &'p str, len: u64) -> Self {
        Self {
            status: Status::NOT_FOUND,
            reason: "",
            content: Content::Whole,
            content_type,
            cache_control: NO_CACHE,
            methods: &[],
            variant: Variant { len, ..Variant::default() },
            is_negotiated: false,
            is_known: false,
        }
    }

    /// The same for a file whose length isn't known: it has no ranges, so that of it is sent all or
    /// nothing.
    pub(super) fn to_end(self) -> Self {
        let variant = Variant { len: u64::MAX, ..self.variant };
        match self.status.code() {
            206 | 416 => {
                Self { status: Status::OK, reason: "", content: Content::Whole, variant, ..self }
            }
            _ => Self { variant, ..self },
        }
    }

    /// Gives `emit` the fields of the reply, one by one: a name, and a value that is the concatenation of
    /// its parts. Date and the fields that frame the content are not among them.
    pub fn fields(&self, mut emit: impl FnMut(&'static str, &[&[u8]])) {
        if matches!(self.status.code(), 204 | 405) {
            return emit("Allow", allowed(self.methods, &mut no_names()));
        }
        self.fields_of_file(emit);
    }

    /// The fields of the reply to a method that the file has.
    pub(super) fn fields_of_file(&self, mut emit: impl FnMut(&'static str, &[&[u8]])) {
        let Variant { coding, len, validators: Validators { etag, modified } } = self.variant;
        let code = self.status.code();
        let is_sent = matches!(code, 200 | 206);
        match self.content {
            Content::Parts(_) => {
                let mut boundary = [0; 16];
                let boundary = self.boundary(&mut boundary);
                emit("Content-Type", &[b"multipart/byteranges; boundary=", boundary]);
            }
            Content::None => {}
            _ => emit("Content-Type", &[self.content_type.as_bytes()]),
        }
        if is_sent {
            if coding != Coding::Identity {
                emit("Content-Encoding", &[coding.name().as_bytes()]);
            }
            emit("X-Content-Type-Options", &[b"nosniff"]);
            emit("Accept-Ranges", &[b"bytes"]);
        }
        if self.is_negotiated && code != 501 {
            emit("Vary", &[b"Accept-Encoding"]);
        }
        if (is_sent || matches!(code, 304 | 404)) && !self.cache_control.is_empty() {
            emit("Cache-Control", &[self.cache_control.as_bytes()]);
        }
        // Of these, 304 has what a cache needs (RFC 9110 §15.4.5), and 206 not what the client told
        // that it has (§15.3.7).
        if let Some(etag) = etag.filter(|_| is_sent || code == 304) {
            emit("ETag", &etag.parts());
        }
        if let Some(modified) = modified {
            let dates_a_copy = code == 304 && etag.is_none();
            if (is_sent && !self.is_known) || dates_a_copy {
                emit("Last-Modified", &[&imf_fixdate(modified)]);
            }
        }
        match self.content {
            Content::One(range) => {
                let len = Decimal::new(len);
                let (first, last) = (Decimal::new(range.first), Decimal::new(range.last));
                let (first, last) = (first.as_bytes(), last.as_bytes());
                emit("Content-Range", &[b"bytes ", first, b"-", last, b"/", len.as_bytes()]);
            }
            _ if code == 416 => {
                emit("Content-Range", &[b"bytes */", Decimal::new(len).as_bytes()]);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::etag::EntityTag;
    use crate::semantics::negotiate::choose;
    use std::string::String;
    use std::vec::Vec;

    const MODIFIED: UnixTime = UnixTime(784_111_777);
    const NOW: UnixTime = UnixTime(MODIFIED.0 + 3600);
    const PLAIN: Variant<'_> = Variant {
        coding: Coding::Identity,
        len: 10,
        validators: Validators { etag: Some(EntityTag::strong(b"p")), modified: Some(MODIFIED) },
    };
    const GZIP: Variant<'_> = Variant {
        coding: Coding::Gzip,
        len: 5,
        validators: Validators { etag: Some(EntityTag::strong(b"g")), modified: Some(MODIFIED) },
    };

    fn planned<T>(
        method: Method<'_>,
        fields: &[(&str, &str)],
        variants: &[Variant<'_>],
        look: impl FnOnce(&Plan<'_>) -> T,
    ) -> T {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = Request { method, fields: &fields[..], now: Some(NOW) };
        let coded = variants.iter().filter(|variant| variant.coding != Coding::Identity);
        let codings = coded.fold(Codings::NONE, |all, variant| all.with(variant.coding));
        let chosen = choose(&fields[..], codings);
        let variant = variants.iter().find(|variant| Some(variant.coding) == chosen).copied();
        let (content_type, methods) = ("text/plain", &[Method::Get]);
        let cache_control = NO_CACHE;
        let resource = Resource { content_type, cache_control, methods, codings, variant };
        look(&plan(&request, resource))
    }

    #[test]
    fn replies_follow_from_request_and_variants() {
        let get = Method::Get;
        for (method, fields, status, coding, length) in [
            (get, &[][..], 200, Coding::Identity, 10),
            (Method::Head, &[], 200, Coding::Identity, 10),
            (get, &[("Accept-Encoding", "gzip")], 200, Coding::Gzip, 5),
            (get, &[("Accept-Encoding", "gzip"), ("If-None-Match", "\"g\"")], 304, Coding::Gzip, 0),
            (get, &[("Accept-Encoding", "gzip"), ("If-None-Match", "\"p\"")], 200, Coding::Gzip, 5),
            (get, &[("Accept-Encoding", "gzip"), ("Range", "bytes=3-9")], 206, Coding::Gzip, 2),
            (get, &[("Accept-Encoding", "identity;q=0")], 406, Coding::Identity, 0),
            (get, &[("If-Match", "\"g\"")], 412, Coding::Identity, 0),
            (get, &[("Range", "bytes=10-")], 416, Coding::Identity, 0),
            (get, &[("Range", "bytes=10-"), ("If-Match", "\"g\"")], 412, Coding::Identity, 0),
            (get, &[("Range", "bytes=10-"), ("If-None-Match", "\"p\"")], 304, Coding::Identity, 0),
            (get, &[("Range", "bytes=1-"), ("If-Range", "\"p\"")], 206, Coding::Identity, 9),
            (get, &[("Range", "bytes=1-"), ("If-Range", "\"g\"")], 200, Coding::Identity, 10),
            (get, &[("Range", "bytes=20-"), ("If-Range", "\"g\"")], 200, Coding::Identity, 10),
            (get, &[("Range", "bytes=1-"), ("Range", "bytes=1-")], 200, Coding::Identity, 10),
            (Method::Head, &[("Range", "bytes=1-")], 200, Coding::Identity, 10),
            (Method::Post, &[("If-Match", "\"g\"")], 405, Coding::Identity, 0),
            (Method::Options, &[], 204, Coding::Identity, 0),
            (Method::Extension("MAKE"), &[], 501, Coding::Identity, 0),
        ] {
            let found = planned(method, fields, &[PLAIN, GZIP], |plan| {
                (plan.status.code(), plan.variant.coding, plan.length())
            });
            assert_eq!(found, (status, coding, length), "{method:?} {fields:?}");
        }
    }

    #[test]
    fn without_a_length_all_is_sent_or_nothing() {
        let unknown = Variant { len: 0, validators: Validators::default(), ..PLAIN };
        for (fields, status) in [
            (&[][..], 200),
            (&[("Range", "bytes=0-4")], 200),
            (&[("Range", "bytes=0-1,3-4,-1")], 200),
            (&[("Range", "bytes=9-")], 200),
            (&[("If-None-Match", "*")], 304),
            (&[("If-Match", "\"x\"")], 412),
        ] {
            planned(Method::Get, fields, &[unknown], |plan| {
                let plan = plan.to_end();
                let content = if status == 200 { Content::Whole } else { Content::None };
                assert_eq!((plan.status.code(), plan.content), (status, content), "{fields:?}");
                plan.fields(|name, _| assert_ne!(name, "Content-Range"));
            });
        }
    }

    #[test]
    fn each_status_has_its_fields() {
        for (fields, variants, expected) in [
            (
                &[][..],
                &[PLAIN][..],
                "Content-Type|X-Content-Type-Options|Accept-Ranges|Cache-Control|ETag|Last-Modified",
            ),
            (
                &[("Accept-Encoding", "gzip")],
                &[PLAIN, GZIP],
                "Content-Type|Content-Encoding|X-Content-Type-Options|Accept-Ranges|Vary|Cache-Control|ETag|Last-Modified",
            ),
            (&[("If-None-Match", "*")], &[PLAIN, GZIP], "Vary|Cache-Control|ETag"),
            (
                &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")],
                &[Variant {
                    validators: Validators { etag: None, modified: Some(MODIFIED) },
                    ..PLAIN
                }],
                "Cache-Control|Last-Modified",
            ),
            (&[("If-Match", "\"x\"")], &[PLAIN], ""),
            (&[("Range", "bytes=99-")], &[PLAIN], "Content-Range"),
            (
                &[("Range", "bytes=1-"), ("If-Range", "\"p\"")],
                &[PLAIN],
                "Content-Type|X-Content-Type-Options|Accept-Ranges|Cache-Control|ETag|Content-Range",
            ),
        ] {
            let names = planned(Method::Get, fields, variants, |plan| {
                let mut names = Vec::new();
                plan.fields(|name, _| names.push(name));
                names.join("|")
            });
            assert_eq!(names, expected, "{fields:?}");
        }
    }

    #[test]
    fn last_modified_is_never_later_than_now() {
        let validators = Validators { etag: None, modified: Some(UnixTime(NOW.0 + 9)) };
        planned(Method::Get, &[], &[Variant { validators, ..PLAIN }], |plan| {
            plan.fields(|name, value| {
                assert!(name != "Last-Modified" || value.concat() == imf_fixdate(NOW));
            });
        });
    }

    #[test]
    fn parts_are_as_long_as_declared() {
        planned(Method::Get, &[("Range", "bytes=0-0,5-6,-1")], &[PLAIN], |plan| {
            let Content::Parts(parts) = plan.content else { panic!() };
            let mut content = Vec::new();
            for index in 0..=parts.count() {
                plan.delimiter(index, &mut |piece| content.extend(piece));
                content.extend(plan.range(index).map_or(Vec::new(), |range| {
                    let octets = range.first..=range.last;
                    octets.map(|octet| b'0' + u8::try_from(octet).unwrap()).collect()
                }));
            }
            assert_eq!(content.len() as u64, plan.length());
            let boundary = String::from_utf8(plan.boundary(&mut [0; 16]).to_vec()).unwrap();
            let part = |range: &str, octets: &str| {
                std::format!(
                    "\r\n--{boundary}\r\nContent-Type: text/plain\r\n\
                     Content-Range: bytes {range}/10\r\n\r\n{octets}"
                )
            };
            let parts = [part("0-0", "0"), part("5-6", "56"), part("9-9", "9")].concat();
            assert_eq!(content, std::format!("{parts}\r\n--{boundary}--\r\n").as_bytes());
        });
    }
}
