//! How much of each element a client may send.

use crate::message::reader::HeadLimits;

/// Octets of a head that no limit counts: its CRLFs after the request-line, in the last field line's
/// stead, and of the empty line.
const CRLFS: usize = 6;

/// Limits on what a client may send. What exceeds one is answered by the status in the last column.
///
/// | | [`DESKTOP`](Self::DESKTOP) | [`DEVICE`](Self::DEVICE) | over it |
/// |---|---|---|---|
/// | [`request_line`](Self::request_line) | 8 KiB | 1 KiB | 414 |
/// | [`field_section`](Self::field_section) | 40 KiB | 2,560 octets | 431 |
/// | [`fields`](Self::fields) | 128 | 64 | 431 |
/// | [`line`](Self::line) | 8 KiB | 256 octets | 400, 431 |
/// | [`form`](Self::form) | 1 MiB | 2 KiB | 413 |
/// | [`multipart`](Self::multipart) | 2 GiB | 16 MiB | 413 |
/// | [`parts`](Self::parts) | 1,024 | 64 | 413 |
/// | [`part_head`](Self::part_head) | 8 KiB | 512 octets | 413 |
/// | [`drain`](Self::drain) | 64 KiB | 4 KiB | the connection closes |
/// | [receive buffer](Self::receive_buffer) for all of it | 1,080 KiB | 5,894 octets | |
///
/// ```
/// use thimble_core::Limits;
///
/// let mut limits = Limits::DESKTOP;
/// assert_eq!((limits.form, limits.fields), (1024 * 1024, 128));
/// limits.form = 16 * 1024 * 1024;
/// assert_eq!(Limits::DEVICE.receive_buffer(), 1024 + 2560 + 256 + 2048 + 6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of the request-line, without its CRLF: 414.
    pub request_line: usize,
    /// Octets of the field section, each line with its CRLF, and likewise of a trailer section:
    /// 431. And of the chunk extensions of one body: 400.
    pub field_section: usize,
    /// Field lines, and likewise trailer lines: 431.
    pub fields: usize,
    /// Octets of a chunk-size line with its extensions (400), and of one trailer line (431),
    /// without their CRLF.
    pub line: usize,
    /// Octets of the content of a form, after transfer decoding: 413. When files come with it, as
    /// `multipart/form-data`, octets of its names and texts; the content of files doesn't count.
    pub form: usize,
    /// Octets of the content of a form as `multipart/form-data`, with its files: 413.
    pub multipart: usize,
    /// Parts of such a form: 413.
    pub parts: usize,
    /// Octets of the field lines of one of its parts, each with its CRLF: 413.
    pub part_head: usize,
    /// Octets of content that the service has not read, and the driver reads and drops so that the
    /// connection can take another request. If there are more, the connection closes instead.
    pub drain: usize,
    /// Octets that are read and dropped once the sending side is shut, so that a client that still
    /// sends gets to read the reply (RFC 9112 §9.6): many send all they have before they read. If
    /// there are more, the connection is reset, and the client may lose the reply.
    pub linger: usize,
}

impl Limits {
    /// For a computer: the left column of the table above.
    pub const DESKTOP: Self = Self {
        request_line: 8 * 1024,
        field_section: 40 * 1024,
        fields: 128,
        line: 8 * 1024,
        form: 1024 * 1024,
        multipart: 2 * 1024 * 1024 * 1024,
        parts: 1024,
        part_head: 8 * 1024,
        drain: 64 * 1024,
        linger: 1024 * 1024 * 1024,
    };

    /// For a microcontroller: the right column. Heads fit a receive buffer of 4 KiB.
    pub const DEVICE: Self = Self {
        request_line: 1024,
        field_section: 2560,
        fields: 64,
        line: 256,
        form: 2048,
        multipart: 16 * 1024 * 1024,
        parts: 64,
        part_head: 512,
        drain: 4096,
        linger: 256 * 1024,
    };

    /// The longest head, and the least room that has to be left behind it.
    const fn head_and_line(&self) -> usize {
        self.request_line
            .saturating_add(self.field_section)
            .saturating_add(self.line)
            .saturating_add(CRLFS)
    }

    /// The size of a receive buffer, in octets, that has room for the longest head and a form as
    /// large as allowed behind it.
    pub const fn receive_buffer(&self) -> usize {
        self.head_and_line().saturating_add(self.form)
    }

    /// The same limits, made smaller where a receive buffer of `capacity` octets can't hold what
    /// they allow: first the field section, then the request-line, then lines.
    #[must_use]
    pub const fn within(self, capacity: usize) -> Self {
        let room = capacity.saturating_sub(CRLFS);
        let line = min(self.line, room);
        let request_line = min(self.request_line, room - line);
        let field_section = min(self.field_section, room - line - request_line);
        Self { request_line, field_section, line, ..self }
    }

    /// Those of them that framing needs.
    pub const fn of_message(&self) -> MessageLimits {
        let &Self { request_line, field_section, fields, line, drain, .. } = self;
        MessageLimits { head: HeadLimits { request_line, field_section, fields }, line, drain }
    }
}

/// The limits that a [`Receiver`](super::Receiver) holds a request to: [`Limits`] without those on forms,
/// which each connection would keep for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    pub(super) head: HeadLimits,
    pub(super) line: usize,
    pub(super) drain: usize,
}

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_shrink_to_the_buffer() {
        let limits = Limits::DEVICE;
        assert_eq!(limits.within(limits.receive_buffer()), limits);
        assert!(limits.receive_buffer() - limits.form <= 4096);
        for capacity in [0, 100, 1000, 3000] {
            assert!(limits.within(capacity).head_and_line() <= capacity.max(6));
        }
        assert_eq!(limits.within(3000).request_line, limits.request_line);
        let most = usize::MAX;
        let endless = Limits { request_line: most, field_section: most, line: 100, ..limits };
        assert_eq!(endless.within(1000).head_and_line(), 1000);
    }
}
