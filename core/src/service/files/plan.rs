//! The decision about a file's reply, without the file.

use super::multipart::{Boundary, Delimiter};
use crate::bytes::ascii::Decimal;
use crate::grammar::date::{UnixTime, imf_fixdate};
use crate::grammar::range::RangeSet;
use crate::message::{Method, Refusal, Status};
use crate::semantics::conditional::{Access, FieldLines, Outcome, Validators, evaluate, if_range};
use crate::semantics::methods::{allowed, no_names, refuse};
use crate::semantics::negotiate::{Coding, Codings, choose};
use crate::semantics::range::{OctetRange, Parts, Selection, select};

/// What answers a request whose preconditions don't hold.
pub(crate) const OTHER_STATE: Refusal =
    Refusal::new(Status::PRECONDITION_FAILED, "the file is not in the state that was asked for");

/// What matters of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r, F: ?Sized> {
    /// Its method.
    pub method: Method<'r>,
    /// Its fields.
    pub fields: &'r F,
    /// The time of the reply's Date; `None` without a clock.
    pub now: Option<UnixTime>,
}

/// A file that was found: the same in every coding that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'v> {
    /// The Content-Type of all variants.
    pub content_type: &'v str,
    /// The methods that it has. HEAD comes with GET, and OPTIONS always.
    pub methods: &'v [Method<'v>],
    /// Its representations, one for each coding.
    pub variants: &'v [Variant<'v>],
}

/// A representation of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant<'v> {
    /// Its content coding.
    pub coding: Coding,
    /// Its length in octets, as it is coded.
    pub len: u64,
    /// What tells its states apart.
    pub validators: Validators<'v>,
}

/// What the content of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'r> {
    /// Nothing of the file. A refusal may say in words why.
    None,
    /// All of the chosen variant.
    Whole,
    /// One range of it.
    One(OctetRange),
    /// Several ranges of it, each after a [`Delimiter`], and the last delimiter.
    Parts(Parts<'r>),
}

/// The reply to a request for a file.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'p> {
    /// Its status.
    pub status: Status,
    /// Why it is refused, in a line for people; empty if it isn't.
    pub reason: &'static str,
    /// Which of the variants its content comes from, as an index.
    pub variant: usize,
    /// Its content.
    pub content: Content<'p>,
    resource: Resource<'p>,
    chosen: Variant<'p>,
    /// Whether the client has the fields of the representation from an earlier reply.
    is_known: bool,
}

/// Plans the reply to a request for a file: methods, content negotiation, preconditions and ranges
/// (RFC 9110 §9.3, §12.5.3, §13, §14), in that order.
///
/// Nothing is read, sent or remembered: any server can ask it, with the fields of its own requests.
///
/// # Examples
/// A client that has the first half of a file asks for the rest.
/// ```
/// use thimble_core::message::{Method, Status};
/// use thimble_core::service::files::{Content, Request, Resource, Variant, plan};
///
/// let fields = [("Range", &b"bytes=5-"[..])];
/// let request = Request { method: Method::Get, fields: &fields[..], now: None };
/// let variants = [Variant { len: 10, ..Variant::default() }];
/// let resource =
///     Resource { content_type: "text/plain", methods: &[Method::Get], variants: &variants };
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
    let &Request { method, fields, now } = request;
    let reply = |refusal: Refusal| Plan {
        status: refusal.status,
        reason: refusal.reason,
        variant: 0,
        content: Content::None,
        resource,
        chosen: Variant::default(),
        is_known: false,
    };
    if !matches!(method, Method::Get | Method::Head) {
        return reply(refuse(method));
    }
    let available =
        resource.variants.iter().fold(Codings::NONE, |all, variant| all.with(variant.coding));
    let chosen = choose(&fields.lines("Accept-Encoding"), available);
    let mut variants = resource.variants.iter().zip(0..);
    let Some((variant, index)) = variants.find(|(variant, _)| Some(variant.coding) == chosen)
    else {
        return reply(Refusal::new(
            Status::NOT_ACCEPTABLE,
            "there is none in an acceptable content coding",
        ));
    };
    let Validators { etag, modified } = variant.validators;
    // A date in the future would be no validator (RFC 9110 §8.8.2.1).
    let modified = modified.map(|modified| now.map_or(modified, |now| modified.min(now)));
    let chosen = Variant { validators: Validators { etag, modified }, ..*variant };
    let reply = |status, reason, content| Plan {
        variant: index,
        content: if method == Method::Get { content } else { Content::None },
        chosen,
        ..reply(Refusal::new(status, reason))
    };
    match evaluate(fields, &chosen.validators, Access::Reads, now) {
        Outcome::NotModified => return reply(Status::NOT_MODIFIED, "", Content::None),
        Outcome::Failed => return reply(OTHER_STATE.status, OTHER_STATE.reason, Content::None),
        Outcome::Proceed => {}
    }
    let whole = reply(Status::OK, "", Content::Whole);
    // Only GET has ranges (RFC 9110 §14.2).
    let Some(set) =
        fields.only("Range").filter(|_| method == Method::Get).and_then(RangeSet::parse)
    else {
        return whole;
    };
    if !if_range(fields, &chosen.validators, now) {
        return whole;
    }
    let content = match select(set, chosen.len) {
        Selection::Whole => return whole,
        Selection::Unsatisfiable => {
            let reason = "the file ends before all of the ranges";
            return reply(Status::RANGE_NOT_SATISFIABLE, reason, Content::None);
        }
        Selection::One(range) => Content::One(range),
        Selection::Parts(parts) => Content::Parts(parts),
    };
    let is_known = fields.lines("If-Range").next().is_some();
    Plan { is_known, ..reply(Status::PARTIAL_CONTENT, "", content) }
}

impl<'p> Plan<'p> {
    /// The fields of the reply, one after the other: a name, and its value in parts that are to be
    /// joined. What frames the content is not among them, nor is Date.
    pub fn fields(&self, mut emit: impl FnMut(&'static str, &[&[u8]])) {
        let Validators { etag, modified } = self.chosen.validators;
        let status = self.status;
        let is_sent = status == Status::OK || status == Status::PARTIAL_CONTENT;
        if is_sent {
            match self.content {
                Content::Parts(_) => {
                    emit(
                        "Content-Type",
                        &[b"multipart/byteranges; boundary=", self.boundary().as_bytes()],
                    );
                }
                _ => emit("Content-Type", &[self.resource.content_type.as_bytes()]),
            }
            if self.chosen.coding != Coding::Identity {
                emit("Content-Encoding", &[self.chosen.coding.name().as_bytes()]);
            }
            emit("X-Content-Type-Options", &[b"nosniff"]);
            emit("Accept-Ranges", &[b"bytes"]);
        }
        let is_negotiated = self.resource.variants.len() > 1;
        if is_negotiated && !matches!(status.code(), 204 | 405 | 501) {
            emit("Vary", &[b"Accept-Encoding"]);
        }
        // Of these, 304 has what a cache needs (RFC 9110 §15.4.5), and 206 not what the client told
        // that it has (§15.3.7).
        if let Some(etag) = etag.filter(|_| is_sent || status == Status::NOT_MODIFIED) {
            emit("ETag", &etag.parts());
        }
        if let Some(modified) = modified {
            let dates_a_copy = status == Status::NOT_MODIFIED && etag.is_none();
            if (is_sent && !self.is_known) || dates_a_copy {
                emit("Last-Modified", &[&imf_fixdate(modified)]);
            }
        }
        let len = Decimal::new(self.chosen.len);
        match self.content {
            Content::One(range) => {
                let (first, last) = (Decimal::new(range.first), Decimal::new(range.last));
                let (first, last) = (first.as_bytes(), last.as_bytes());
                emit("Content-Range", &[b"bytes ", first, b"-", last, b"/", len.as_bytes()]);
            }
            Content::None if status == Status::RANGE_NOT_SATISFIABLE => {
                emit("Content-Range", &[b"bytes */", len.as_bytes()]);
            }
            _ => {}
        }
        if status == Status::NO_CONTENT || status == Status::METHOD_NOT_ALLOWED {
            emit("Allow", allowed(self.resource.methods, &mut no_names()));
        }
    }

    /// Octets of content that Content-Length declares, also for HEAD: the file's, or those of its
    /// ranges with their delimiters. 0 where a refusal has only words, if any.
    pub fn length(&self) -> u64 {
        match self.content {
            Content::None if self.status == Status::OK => self.chosen.len,
            Content::None => 0,
            Content::Whole => self.chosen.len,
            Content::One(range) => range.len(),
            Content::Parts(parts) => {
                let part = |range: OctetRange| self.delimiter(Some(range)).len() + range.len();
                parts.iter().map(part).sum::<u64>() + self.delimiter(None).len()
            }
        }
    }

    /// What stands before a part of `multipart/byteranges`, or behind the last one
    /// (RFC 9110 §14.6).
    pub fn delimiter(&self, range: Option<OctetRange>) -> Delimiter<'p> {
        Delimiter::new(self.boundary(), self.resource.content_type, range, self.chosen.len)
    }

    fn boundary(&self) -> Boundary {
        let opaque = self.chosen.validators.etag.map_or(&b""[..], |etag| etag.opaque);
        Boundary::new(opaque, self.chosen.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::etag::EntityTag;
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
        let resource = Resource { content_type: "text/plain", methods: &[Method::Get], variants };
        look(&plan(&request, resource))
    }

    #[test]
    fn replies_follow_from_request_and_variants() {
        let get = Method::Get;
        for (method, fields, status, variant, length) in [
            (get, &[][..], 200, 0, 10),
            (Method::Head, &[], 200, 0, 10),
            (get, &[("Accept-Encoding", "gzip")], 200, 1, 5),
            (get, &[("Accept-Encoding", "gzip"), ("If-None-Match", "\"g\"")], 304, 1, 0),
            (get, &[("Accept-Encoding", "gzip"), ("If-None-Match", "\"p\"")], 200, 1, 5),
            (get, &[("Accept-Encoding", "gzip"), ("Range", "bytes=3-9")], 206, 1, 2),
            (get, &[("Accept-Encoding", "identity;q=0")], 406, 0, 0),
            (get, &[("If-Match", "\"g\"")], 412, 0, 0),
            (get, &[("Range", "bytes=10-")], 416, 0, 0),
            (get, &[("Range", "bytes=10-"), ("If-Match", "\"g\"")], 412, 0, 0),
            (get, &[("Range", "bytes=10-"), ("If-None-Match", "\"p\"")], 304, 0, 0),
            (get, &[("Range", "bytes=1-"), ("If-Range", "\"p\"")], 206, 0, 9),
            (get, &[("Range", "bytes=1-"), ("If-Range", "\"g\"")], 200, 0, 10),
            (get, &[("Range", "bytes=20-"), ("If-Range", "\"g\"")], 200, 0, 10),
            (get, &[("Range", "bytes=1-"), ("Range", "bytes=1-")], 200, 0, 10),
            (Method::Head, &[("Range", "bytes=1-")], 200, 0, 10),
            (Method::Post, &[("If-Match", "\"g\"")], 405, 0, 0),
            (Method::Options, &[], 204, 0, 0),
            (Method::Extension("MAKE"), &[], 501, 0, 0),
        ] {
            let found = planned(method, fields, &[PLAIN, GZIP], |plan| {
                (plan.status.code(), plan.variant, plan.length())
            });
            assert_eq!(found, (status, variant, length), "{method:?} {fields:?}");
        }
    }

    #[test]
    fn each_status_has_its_fields() {
        for (fields, variants, expected) in [
            (
                &[][..],
                &[PLAIN][..],
                "Content-Type|X-Content-Type-Options|Accept-Ranges|ETag|Last-Modified",
            ),
            (
                &[("Accept-Encoding", "gzip")],
                &[PLAIN, GZIP],
                "Content-Type|Content-Encoding|X-Content-Type-Options|Accept-Ranges|Vary|ETag|Last-Modified",
            ),
            (&[("If-None-Match", "*")], &[PLAIN, GZIP], "Vary|ETag"),
            (
                &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")],
                &[Variant {
                    validators: Validators { etag: None, modified: Some(MODIFIED) },
                    ..PLAIN
                }],
                "Last-Modified",
            ),
            (&[("If-Match", "\"x\"")], &[PLAIN], ""),
            (&[("Range", "bytes=99-")], &[PLAIN], "Content-Range"),
            (
                &[("Range", "bytes=1-"), ("If-Range", "\"p\"")],
                &[PLAIN],
                "Content-Type|X-Content-Type-Options|Accept-Ranges|ETag|Content-Range",
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
            for range in (0..=parts.count()).map(|index| parts.nth(index)) {
                content.extend(plan.delimiter(range).parts().concat());
                content.extend(range.map_or(Vec::new(), |range| {
                    let octets = range.first..=range.last;
                    octets.map(|octet| b'0' + u8::try_from(octet).unwrap()).collect()
                }));
            }
            assert_eq!(content.len() as u64, plan.length());
            let boundary = String::from_utf8(plan.boundary().as_bytes().to_vec()).unwrap();
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
