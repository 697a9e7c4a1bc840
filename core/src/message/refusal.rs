//! Final replies that refuse what was asked for.

use core::fmt;
use core::ops::Deref;

use super::status::Status;

/// A final reply that refuses what was asked for: a status of 400 to 599, and a reason for a person to
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: Status,
    /// One line, or nothing.
    pub reason: Reason,
}

/// Why something is refused, and a field that the status calls for, if any. It derefs to the line alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(Text);

// Most have no field, and take no room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Line(&'static str),
    /// A line, and the name and value of a field. The name is checked.
    WithField(&'static (&'static str, &'static str, &'static str)),
}

impl Refusal {
    /// A refusal with `status`.
    pub const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason: Reason(Text::Line(reason)) }
    }

    /// A refusal with a field that its status calls for: a reason, and the field's name and value. A field
    /// that can't stand in a reply makes it a 500, as for [`Reply::field`](crate::server::Reply::field).
    ///
    /// ```
    /// use thimble_core::message::{Refusal, Status};
    ///
    /// const BUSY: Refusal = Refusal::with_field(
    ///     Status::SERVICE_UNAVAILABLE,
    ///     &("the pump is running", "Retry-After", "30"),
    /// );
    /// assert_eq!(&*BUSY.reason, "the pump is running");
    /// ```
    pub const fn with_field(
        status: Status,
        reason: &'static (&'static str, &'static str, &'static str),
    ) -> Self {
        // The compiler checks it, mostly: where refusals are made, devices have nothing that would.
        let reason = if is_name(reason.1) { reason } else { &("", "", "\n") };
        Self { status, reason: Reason(Text::WithField(reason)) }
    }
}

impl Reason {
    /// The line.
    pub const fn line(&self) -> &'static str {
        match self.0 {
            Text::Line(line) | Text::WithField(&(line, ..)) => line,
        }
    }

    /// The name and value of the field.
    pub const fn field(self) -> Option<(&'static str, &'static str)> {
        match self.0 {
            Text::Line(_) => None,
            Text::WithField(&(_, name, value)) => Some((name, value)),
        }
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        self.line()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Whether a field of a refusal may be called so: not what only framing may say, and not Content-Type,
/// which its content has. Names of letters, digits and hyphens are enough here.
const fn is_name(name: &str) -> bool {
    const OTHERS: [&str; 8] = [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Date",
        "Keep-Alive",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ];
    let mut others = OTHERS.as_slice();
    while let [other, rest @ ..] = others {
        if name.eq_ignore_ascii_case(other) {
            return false;
        }
        others = rest;
    }
    let mut octets = name.as_bytes();
    while let [octet, rest @ ..] = octets {
        if !octet.is_ascii_alphanumeric() && *octet != b'-' {
            return false;
        }
        octets = rest;
    }
    !name.is_empty()
}
