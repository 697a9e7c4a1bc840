//! Conditional requests (RFC 9110 §13).

use crate::bytes::ascii::trim_ows;
use crate::grammar::date::{UnixTime, http_date};
use crate::grammar::etag::{EntityTag, entity_tags, only_entity_tag};
use crate::message::Head;

/// Field lines that can be looked up by name. [`Head`] implements it, and another server's fields can,
/// too.
pub trait FieldLines {
    /// Gives `visit` the value of each line with this name, in any case, in the order they were sent.
    fn each<'f>(&'f self, name: &str, visit: &mut dyn FnMut(&'f [u8]));

    /// Whether there is a line with this name.
    fn has(&self, name: &str) -> bool {
        let mut is_found = false;
        self.each(name, &mut |_| is_found = true);
        is_found
    }

    /// The value of the line with this name; `None` if there is none, or more than one.
    fn only(&self, name: &str) -> Option<&[u8]> {
        let mut found = (0, None);
        self.each(name, &mut |value| found = (found.0 + 1, Some(value)));
        found.1.filter(|_| found.0 == 1)
    }
}

/// The validators of a representation, which tell one state of it from another (RFC 9110 §8.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validators<'v> {
    /// Its entity tag.
    pub etag: Option<EntityTag<'v>>,
    /// When it was last changed.
    pub modified: Option<UnixTime>,
}

/// What a request does to a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads it: its method is GET or HEAD.
    Reads,
    /// It has another method, and may change something.
    Changes,
}

/// The result of preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They hold, or there are none.
    Proceed,
    /// The client has the representation already: 304.
    NotModified,
    /// One of them doesn't hold: 412.
    Failed,
}

/// Evaluates the preconditions of a request for an existing representation, in the order of
/// RFC 9110 §13.2.2.
///
/// A malformed list of entity tags matches none, and an invalid date is ignored, as §13.1.3 and §13.1.4
/// require.
pub fn evaluate(
    fields: &(impl FieldLines + ?Sized),
    validators: &Validators<'_>,
    access: Access,
    now: Option<UnixTime>,
) -> Outcome {
    let reads = access == Access::Reads;
    let &Validators { etag, modified } = validators;
    let unchanged_since = |name| {
        let date = http_date(fields.only(name)?, now)?;
        Some(modified? <= date)
    };
    // Steps 1 and 2.
    let holds = match matches(fields, "If-Match", etag, EntityTag::is_strongly) {
        None => unchanged_since("If-Unmodified-Since"),
        matched => matched,
    };
    if holds == Some(false) {
        return Outcome::Failed;
    }
    // Steps 3 and 4.
    match matches(fields, "If-None-Match", etag, EntityTag::is_weakly) {
        Some(true) if reads => Outcome::NotModified,
        Some(true) => Outcome::Failed,
        None if reads && unchanged_since("If-Modified-Since") == Some(true) => Outcome::NotModified,
        _ => Outcome::Proceed,
    }
}

/// Whether Range applies: If-Range is absent, or names exactly this state of the representation
/// (RFC 9110 §13.1.5, step 5 of §13.2.2).
///
/// A date matches only if its second is over, so that no later change can have the same date (§8.8.2.2).
pub fn if_range(
    fields: &(impl FieldLines + ?Sized),
    validators: &Validators<'_>,
    now: Option<UnixTime>,
) -> bool {
    let &Validators { etag, modified } = validators;
    let Some(value) = fields.only("If-Range") else { return !fields.has("If-Range") };
    if let Some(asked) = only_entity_tag(value) {
        return etag.is_some_and(|etag| asked.is_strongly(&etag));
    }
    match (http_date(value, now), modified, now) {
        (Some(asked), Some(modified), Some(now)) => asked == modified && modified < now,
        _ => false,
    }
}

/// Whether one of the tags in all lines of a field is `etag`; `None` without any line.
fn matches<'f>(
    fields: &'f (impl FieldLines + ?Sized),
    name: &str,
    etag: Option<EntityTag<'f>>,
    is: fn(&EntityTag<'f>, &EntityTag<'f>) -> bool,
) -> Option<bool> {
    let (mut lines, mut is_any, mut is_found, mut is_malformed) = (0, false, false, false);
    fields.each(name, &mut |line| {
        lines += 1;
        if trim_ows(line) == b"*" {
            is_any = true;
            return;
        }
        let is_list = entity_tags(line, &mut |tag| {
            is_found |= etag.is_some_and(|etag| is(&tag, &etag));
        });
        is_malformed |= !is_list;
    });
    match lines {
        0 => None,
        1 if is_any => Some(true),
        _ => Some(is_found && !is_any && !is_malformed),
    }
}

/// Lines given as pairs of names and values.
impl FieldLines for [(&str, &[u8])] {
    fn each<'f>(&'f self, name: &str, visit: &mut dyn FnMut(&'f [u8])) {
        let named = self.iter().filter(|line| line.0.eq_ignore_ascii_case(name));
        named.for_each(|line| visit(line.1));
    }
}

impl FieldLines for Head<'_> {
    fn each<'f>(&'f self, name: &str, visit: &mut dyn FnMut(&'f [u8])) {
        let fields = self.fields();
        if fields.may_have(name) {
            fields.all(name).for_each(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(784_111_777 + 60);
    const SAME: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &[u8] = b"Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &[u8] = b"Sun, 06 Nov 2094 08:49:36 GMT";
    const VALIDATORS: Validators<'_> =
        Validators { etag: Some(EntityTag::strong(b"a")), modified: Some(UnixTime(784_111_777)) };

    fn outcome(fields: &[(&str, &[u8])], access: Access) -> Outcome {
        evaluate(fields, &VALIDATORS, access, Some(NOW))
    }

    #[test]
    fn preconditions_have_an_order() {
        use Outcome::{Failed, NotModified, Proceed};
        let (if_match, if_none_match) = ("If-Match", "if-none-match");
        let (since, unmodified) = ("If-Modified-Since", "If-Unmodified-Since");
        for (fields, to_get, to_put) in [
            (&[][..], Proceed, Proceed),
            (&[(if_match, &b"\"b\", \"a\""[..])], Proceed, Proceed),
            (&[(if_match, b"\"b\""), (if_match, b"\"a\"")], Proceed, Proceed),
            (&[(if_match, b"*")], Proceed, Proceed),
            (&[(if_match, b"W/\"a\"")], Failed, Failed),
            (&[(if_match, b"\"a\", b")], Failed, Failed),
            (&[(if_match, b"")], Failed, Failed),
            (&[(if_match, b"\"a\""), (unmodified, BEFORE)], Proceed, Proceed),
            (&[(unmodified, BEFORE)], Failed, Failed),
            (&[(unmodified, SAME)], Proceed, Proceed),
            (&[(unmodified, b"yesterday")], Proceed, Proceed),
            (&[(unmodified, BEFORE), (unmodified, BEFORE)], Proceed, Proceed),
            (&[(if_none_match, b"W/\"a\"")], NotModified, Failed),
            (&[(if_none_match, b"*")], NotModified, Failed),
            (&[(if_none_match, b"\"b\""), (since, AFTER)], Proceed, Proceed),
            (&[(if_none_match, b"a"), (since, AFTER)], Proceed, Proceed),
            (&[(since, SAME)], NotModified, Proceed),
            (&[(since, BEFORE)], Proceed, Proceed),
            (&[(since, AFTER)], NotModified, Proceed),
            (&[(since, b"Sun Nov  6 08:49:37 1994")], NotModified, Proceed),
            (&[(if_match, b"\"b\""), (if_none_match, b"\"a\"")], Failed, Failed),
            (&[(if_match, b"*"), (if_none_match, b"\"a\"")], NotModified, Failed),
            (&[(unmodified, SAME), (since, SAME)], NotModified, Proceed),
        ] {
            assert_eq!(
                (outcome(fields, Access::Reads), outcome(fields, Access::Changes)),
                (to_get, to_put),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn without_validators_only_any_matches() {
        let evaluate = |fields: &[(&str, &[u8])]| {
            evaluate(fields, &Validators::default(), Access::Reads, None)
        };
        assert_eq!(evaluate(&[("If-Match", b"*")]), Outcome::Proceed);
        assert_eq!(evaluate(&[("If-Match", b"\"a\"")]), Outcome::Failed);
        assert_eq!(evaluate(&[("If-None-Match", b"\"a\"")]), Outcome::Proceed);
        assert_eq!(evaluate(&[("If-Unmodified-Since", BEFORE)]), Outcome::Proceed);
    }

    #[test]
    fn only_strong_validators_let_a_range_apply() {
        for (value, expected) in [
            (&b"\"a\""[..], true),
            (b"W/\"a\"", false),
            (b"\"b\"", false),
            (b"\"a\", \"a\"", false),
            (b"*", false),
            (SAME, true),
            (b"Sunday, 06-Nov-94 08:49:37 GMT", true),
            (BEFORE, false),
            (AFTER, false),
        ] {
            let fields = [("If-Range", value)];
            let with = |now| if_range(&fields[..], &VALIDATORS, now);
            assert_eq!(with(Some(NOW)), expected, "{}", value.escape_ascii());
            assert_eq!(with(None), expected && value.starts_with(b"\""));
            assert!(value != SAME || !with(VALIDATORS.modified));
        }
        assert!(if_range(&[][..], &VALIDATORS, None));
        assert!(!if_range(&[("If-Range", &b"\"a\""[..]); 2][..], &VALIDATORS, None));
    }
}
