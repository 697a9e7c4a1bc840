//! Status codes (RFC 9110 §15).

use crate::bytes::class::is_field;

/// The status code of a final reply with its reason phrase. It is one pointer, and a program contains only the statuses
/// that it can send.
#[derive(Clone, Copy, Debug)]
pub struct Status(&'static (u16, &'static str));

/// The first code of a final status.
const FIRST: u16 = 200;

/// Every final status, without reason phrases: an empty one says nothing wrong (RFC 9112 §4).
static OTHERS: [(u16, &str); 400] = {
    let mut others = [(FIRST, ""); 400];
    let (mut rest, mut code) = (others.as_mut_slice(), FIRST);
    while let [first, behind @ ..] = rest {
        first.0 = code;
        (rest, code) = (behind, code + 1);
    }
    others
};

macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal)*) => {
        impl Status {
            $(#[doc = concat!("`", $code, " ", $reason, "`")]
            pub const $name: Self = Self(&($code, $reason));)*

            /// The final status of this code, as another program gives it: with the reason phrase that
            /// it has here, or with none. `None` outside of 200 to 599.
            ///
            /// ```
            /// use thimble_core::Status;
            ///
            /// assert_eq!(Status::of_code(404).map(Status::reason), Some("Not Found"));
            /// assert_eq!(Status::of_code(299).map(Status::reason), Some(""));
            /// assert_eq!(Status::of_code(101), None);
            /// ```
            pub fn of_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => OTHERS.get(usize::from(code.checked_sub(FIRST)?)).map(Self),
                }
            }
        }
    };
}

statuses! {
    OK 200 "OK"
    CREATED 201 "Created"
    ACCEPTED 202 "Accepted"
    NO_CONTENT 204 "No Content"
    RESET_CONTENT 205 "Reset Content"
    PARTIAL_CONTENT 206 "Partial Content"
    MOVED_PERMANENTLY 301 "Moved Permanently"
    FOUND 302 "Found"
    SEE_OTHER 303 "See Other"
    NOT_MODIFIED 304 "Not Modified"
    TEMPORARY_REDIRECT 307 "Temporary Redirect"
    PERMANENT_REDIRECT 308 "Permanent Redirect"
    BAD_REQUEST 400 "Bad Request"
    UNAUTHORIZED 401 "Unauthorized"
    FORBIDDEN 403 "Forbidden"
    NOT_FOUND 404 "Not Found"
    METHOD_NOT_ALLOWED 405 "Method Not Allowed"
    NOT_ACCEPTABLE 406 "Not Acceptable"
    REQUEST_TIMEOUT 408 "Request Timeout"
    CONFLICT 409 "Conflict"
    GONE 410 "Gone"
    LENGTH_REQUIRED 411 "Length Required"
    PRECONDITION_FAILED 412 "Precondition Failed"
    CONTENT_TOO_LARGE 413 "Content Too Large"
    URI_TOO_LONG 414 "URI Too Long"
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type"
    RANGE_NOT_SATISFIABLE 416 "Range Not Satisfiable"
    EXPECTATION_FAILED 417 "Expectation Failed"
    MISDIRECTED_REQUEST 421 "Misdirected Request"
    UNPROCESSABLE_CONTENT 422 "Unprocessable Content"
    TOO_MANY_REQUESTS 429 "Too Many Requests"
    REQUEST_HEADER_FIELDS_TOO_LARGE 431 "Request Header Fields Too Large"
    INTERNAL_SERVER_ERROR 500 "Internal Server Error"
    NOT_IMPLEMENTED 501 "Not Implemented"
    BAD_GATEWAY 502 "Bad Gateway"
    SERVICE_UNAVAILABLE 503 "Service Unavailable"
    GATEWAY_TIMEOUT 504 "Gateway Timeout"
    HTTP_VERSION_NOT_SUPPORTED 505 "HTTP Version Not Supported"
    INSUFFICIENT_STORAGE 507 "Insufficient Storage"
}

impl Status {
    /// Another final status: `Status::new(&(299, "Fine"))`. `None` for a code outside of 200 to 599,
    /// and for a phrase with a control in it.
    ///
    /// ```abnf
    /// reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )         ; RFC 9112 §4
    /// ```
    pub fn new(line: &'static (u16, &'static str)) -> Option<Self> {
        let (code, reason) = line;
        let valid = (200..600).contains(code) && reason.bytes().all(is_field);
        valid.then_some(Self(line))
    }

    /// Its three digits as a number.
    pub const fn code(self) -> u16 {
        self.0.0
    }

    /// Its reason phrase.
    pub const fn reason(self) -> &'static str {
        self.0.1
    }

    /// Whether a reply with this status never has content (RFC 9110 §6.4.1).
    pub const fn has_no_content(self) -> bool {
        matches!(self.code(), 204 | 304)
    }
}

/// Statuses are the same when their codes are.
impl PartialEq for Status {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Eq for Status {}
