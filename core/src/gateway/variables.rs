//! The meta-variables of a request (RFC 3875 §4.1).

use core::fmt::{self, Display, Write as _};
use core::mem;
use core::net::{IpAddr, SocketAddr};

use crate::bytes::ascii::Decimal;
use crate::bytes::cursor::{Cursor, Full};
use crate::grammar::host::Authority;
use crate::message::{Fields, Head, Version};

/// What a server calls itself in `SERVER_SOFTWARE`.
pub const SOFTWARE: &str = concat!("Thimble/", env!("CARGO_PKG_VERSION"));

/// A request, as a script is to be told of it.
///
/// ```
/// use thimble_core::Head;
/// use thimble_core::gateway::Request;
///
/// let head = b"GET /cgi-bin/hello/you?a=b HTTP/1.1\r\nHost: example.com\r\nX-Mood: good\r\n\r\n";
/// let head = Head::parse(head).unwrap();
/// let mut request = Request::new(&head, b"/cgi-bin/hello", b"/you");
/// request.root = b"/srv/www";
///
/// let mut buffer = [0; 1024];
/// let variables: Result<Vec<_>, _> = request.variables(&mut buffer).collect();
/// let variables = variables.expect("the buffer has room for all");
/// let value = |name| variables.iter().find(|it| it.0 == name).map(|it| it.1);
/// assert_eq!(value("SCRIPT_NAME"), Some(&b"/cgi-bin/hello"[..]));
/// assert_eq!(value("PATH_TRANSLATED"), Some(&b"/srv/www/you"[..]));
/// assert_eq!(value("QUERY_STRING"), Some(&b"a=b"[..]));
/// assert_eq!(value("SERVER_NAME"), Some(&b"example.com"[..]));
/// assert_eq!(value("HTTP_X_MOOD"), Some(&b"good"[..]));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Request<'r> {
    /// Its head.
    pub head: &'r Head<'r>,
    /// The part of the decoded path that names the script.
    pub script_name: &'r [u8],
    /// The part that follows; empty if there is none.
    pub path_info: &'r [u8],
    /// The absolute path of the folder that is served, without a slash at its end; empty if there is none.
    pub root: &'r [u8],
    /// The absolute path of the script; empty if there is none.
    pub file: &'r [u8],
    /// Octets of content that the script can read; `None` if the request has no content.
    pub content_length: Option<u64>,
    /// The address of the client.
    pub peer: Option<SocketAddr>,
    /// The local address of the connection.
    pub local: Option<SocketAddr>,
    /// Whether the connection is secure, as TLS is.
    pub is_secure: bool,
    /// Who asks, by the Basic scheme, if the server has checked the password; empty for nobody.
    pub user: &'r [u8],
}

impl<'r> Request<'r> {
    /// A request without content, of which nothing else is known.
    pub const fn new(head: &'r Head<'r>, script_name: &'r [u8], path_info: &'r [u8]) -> Self {
        Self {
            head,
            script_name,
            path_info,
            root: b"",
            file: b"",
            content_length: None,
            peer: None,
            local: None,
            is_secure: false,
            user: b"",
        }
    }

    /// The octets of a buffer that has room for all variables.
    pub fn room(&self) -> usize {
        // Addresses and numbers, and what a field takes besides its name and value.
        const NUMBERS: usize = 256;
        let fields = self.head.as_bytes().len().saturating_mul(2);
        let paths = self.root.len().saturating_add(self.path_info.len());
        fields.saturating_add(paths).saturating_add(NUMBERS)
    }

    /// Its meta-variables, as names and values: those of the server first, then the fields. None is there
    /// twice. What does not stand in the head as it is, is written into `buffer`; [`room`](Self::room) says
    /// how large that has to be.
    ///
    /// Lines with the same field name are one variable, their values joined as those of a list are
    /// (RFC 9110 §5.3), and those of Cookie by `; ` (RFC 6265 §5.4). There is no variable for
    ///
    /// - `Authorization` and `Proxy-Authorization`, whose secrets any process of the same user could read
    ///   (RFC 3875 §9.2);
    /// - `Proxy`, which would be `HTTP_PROXY`, where clients look for their proxy;
    /// - names with anything but letters, digits and hyphens: `X_User` would pass for `X-User`;
    /// - the content's fields, which have variables of their own, and those of the connection, which the
    ///   server has heeded (RFC 3875 §4.1.18).
    pub fn variables<'v>(&self, buffer: &'v mut [u8]) -> Variables<'v>
    where
        'r: 'v,
    {
        let fields = self.head.fields();
        Variables { request: *self, own: OWN.iter(), fields, at: 0, room: Room::new(buffer) }
    }

    /// The authority's host, if it is a plain name or an address, and nothing that a careless script
    /// could be tricked with.
    ///
    /// ```abnf
    /// server-name = hostname / ipv4-address / ( "[" ipv6-address "]" )   ; RFC 3875 §4.1.14
    /// ```
    /// A hostname may hold underscores, which names of containers have.
    fn host(&self) -> Option<&'r [u8]> {
        let host = self.head.authority()?.host().as_bytes();
        let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._".contains(octet);
        let is_address = matches!(host, [b'[', inside @ .., b']'] if inside
            .iter()
            .all(|octet| octet.is_ascii_hexdigit() || b":.".contains(octet)));
        (is_address || host.iter().all(is_plain)).then_some(host)
    }
}

/// A variable of the server: its name, and its value if it has one.
type Own = (&'static str, for<'v> fn(&Request<'v>, &mut Room<'v>) -> Option<&'v [u8]>);

/// Whether a variable of this name says something of a request (RFC 3875 §4.1), so that nothing else may set
/// it: a script would take it for the client's.
///
/// ```
/// use thimble_core::gateway::is_meta_variable;
///
/// assert!(is_meta_variable("PATH_INFO") && is_meta_variable("HTTP_PROXY"));
/// assert!(!is_meta_variable("PATH"));
/// ```
///
/// Those that say [who asks](says_who_asks) are none where nobody is asked for a password: a server may then
/// be set up with a user for all of its programs.
pub fn is_meta_variable(name: &str) -> bool {
    let is_own = || OWN.iter().any(|(own, _)| *own == name) && !says_who_asks(name);
    name.starts_with("HTTP_") || is_own()
}

/// Whether a variable says who asks, or how that is known (RFC 3875 §4.1.1, §4.1.11).
pub fn says_who_asks(name: &str) -> bool {
    matches!(name, "AUTH_TYPE" | "REMOTE_USER")
}

/// RFC 3875 §4.1, and below the line what other servers set as well and scripts ask for: php-cgi runs
/// nothing without `REDIRECT_STATUS` and `SCRIPT_FILENAME`.
const OWN: &[Own] = &[
    ("GATEWAY_INTERFACE", |_, _| Some(b"CGI/1.1")),
    ("SERVER_SOFTWARE", |_, _| Some(SOFTWARE.as_bytes())),
    ("SERVER_PROTOCOL", |it, _| {
        Some(if it.head.version() == Version::Http10 { b"HTTP/1.0" } else { b"HTTP/1.1" })
    }),
    ("SERVER_NAME", |it, room| {
        let address = || it.local.map(|at| room.host(at.ip()));
        // A client without a Host may have come where there are no addresses.
        it.host().or_else(address).or(Some(b"localhost"))
    }),
    ("SERVER_PORT", |it, room| {
        let named = || it.head.authority().and_then(Authority::port);
        let usual = if it.is_secure { 443 } else { 80 };
        let port = it.local.map(|at| at.port()).or_else(named).unwrap_or(usual);
        Some(room.number(port.into()))
    }),
    ("REQUEST_METHOD", |it, _| Some(it.head.method().as_str().as_bytes())),
    ("SCRIPT_NAME", |it, _| Some(it.script_name)),
    ("PATH_INFO", |it, _| some(it.path_info)),
    ("PATH_TRANSLATED", |it, room| {
        let (root, path) = (some(it.root)?, some(it.path_info)?);
        Some(room.join(&[root, path]))
    }),
    ("QUERY_STRING", |it, _| Some(it.head.target().query().unwrap_or_default().as_bytes())),
    ("REMOTE_ADDR", |it, room| it.peer.map(|at| room.display(&at.ip().to_canonical()))),
    ("REMOTE_HOST", |it, room| it.peer.map(|at| room.display(&at.ip().to_canonical()))),
    ("AUTH_TYPE", |it, _| some(it.user).map(|_| &b"Basic"[..])),
    ("REMOTE_USER", |it, _| some(it.user)),
    ("CONTENT_LENGTH", |it, room| it.content_length.map(|length| room.number(length))),
    ("CONTENT_TYPE", |it, room| room.field(it.head.fields(), "Content-Type")),
    // ------------------------------------------------------------------------------------------
    ("REMOTE_PORT", |it, room| it.peer.map(|at| room.number(at.port().into()))),
    ("SERVER_ADDR", |it, room| it.local.map(|at| room.display(&at.ip().to_canonical()))),
    ("REQUEST_SCHEME", |it, _| Some(if it.is_secure { b"https" } else { b"http" })),
    ("HTTPS", |it, _| it.is_secure.then_some(b"on")),
    ("REQUEST_URI", |it, room| {
        let (path, query) = (it.head.target().path(), it.head.target().query());
        let mark = if query.is_some() { "?" } else { "" };
        let parts = [path, mark, query.unwrap_or_default()].map(str::as_bytes);
        Some(room.join(&parts))
    }),
    ("DOCUMENT_ROOT", |it, _| some(it.root)),
    ("SCRIPT_FILENAME", |it, _| some(it.file)),
    ("REDIRECT_STATUS", |_, _| Some(b"200")),
];

/// What the variable of the field `name` is called (RFC 3875 §4.1.18): `HTTP_`, and the name in upper case with
/// underscores for hyphens. Content-Type's is `CONTENT_TYPE` (RFC 3875 §4.1.3). `None` for
///
/// - names with an underscore: `X_User` would pass for `X-User`;
/// - `Proxy`, which would be `HTTP_PROXY`, where clients look for their proxy;
/// - Content-Length and Transfer-Encoding: they say how content is framed, and a gateway says how much of it can
///   be read.
///
/// Whether there are other fields that it keeps to itself is for the gateway to say, as [`Request::variables`]
/// does for scripts.
///
/// ```
/// use thimble_core::gateway::field_variable;
///
/// let variable = |name| field_variable(name).map(|octets| octets.collect::<String>());
/// assert_eq!(variable("X-Mood").as_deref(), Some("HTTP_X_MOOD"));
/// assert_eq!(variable("Content-Type").as_deref(), Some("CONTENT_TYPE"));
/// assert_eq!(variable("X_Mood"), None);
/// assert_eq!(variable("proxy"), None);
/// ```
pub fn field_variable(name: &str) -> Option<impl Iterator<Item = char>> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let has_none = ["Content-Length", "Proxy", "Transfer-Encoding"].into_iter().any(is);
    if has_none || name.contains('_') {
        return None;
    }
    let prefix = if is("Content-Type") { "" } else { "HTTP_" };
    let upper = |letter: char| if letter == '-' { '_' } else { letter.to_ascii_uppercase() };
    Some(prefix.chars().chain(name.chars().map(upper)))
}

/// What stands between the values of lines with the same field name where they become one: a comma
/// (RFC 9110 §5.3), and a semicolon in Cookie (RFC 6265 §5.4).
pub const fn field_separator(name: &str) -> &'static str {
    if name.eq_ignore_ascii_case("Cookie") { "; " } else { ", " }
}

/// Fields that have no variable, besides those that [no gateway](field_variable) tells of, and those
/// [of the connection](is_passed).
const NOT_PASSED: &[&str] = &[
    "Authorization",
    "Connection",
    "Content-Type",
    "Expect",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Upgrade",
];

/// Whether a script is told of a field.
fn is_passed(name: &str, fields: Fields<'_>) -> bool {
    let is_other = |other: &&str| name.eq_ignore_ascii_case(other);
    let is_plain = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    is_plain
        && !NOT_PASSED.iter().any(is_other)
        && !fields.list("Connection").any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
}

fn some(value: &[u8]) -> Option<&[u8]> {
    Some(value).filter(|value| !value.is_empty())
}

/// The meta-variables of a request that are left, as names and values.
#[derive(Debug)]
pub struct Variables<'v> {
    request: Request<'v>,
    own: core::slice::Iter<'static, Own>,
    fields: Fields<'v>,
    /// How many field lines were looked at.
    at: usize,
    room: Room<'v>,
}

impl<'v> Variables<'v> {
    fn next_variable(&mut self) -> Option<(&'v str, &'v [u8])> {
        for (name, value) in self.own.by_ref() {
            if let Some(value) = value(&self.request, &mut self.room) {
                return Some((name, value));
            }
        }
        loop {
            let fields = self.fields;
            let mut lines = fields.iter();
            let name = lines.nth(self.at)?.name;
            let mut before = fields.iter().take(self.at);
            self.at += 1;
            let is_known = before.any(|field| field.name.eq_ignore_ascii_case(name));
            if !is_known
                && is_passed(name, fields)
                && let Some(variable) = field_variable(name)
            {
                let value = match self.request.head.authority() {
                    // That of the target wins over the field (RFC 9112 §3.2.2).
                    Some(authority) if name.eq_ignore_ascii_case("Host") => {
                        authority.as_str().as_bytes()
                    }
                    _ => self.room.field(fields, name)?,
                };
                return Some((self.room.variable(variable), value));
            }
        }
    }
}

impl<'v> Iterator for Variables<'v> {
    type Item = Result<(&'v str, &'v [u8]), Full>;

    /// The next variable.
    ///
    /// # Errors
    /// The buffer was too small. This is the last item.
    fn next(&mut self) -> Option<Self::Item> {
        if self.room.is_full {
            return None;
        }
        let variable = self.next_variable();
        if self.room.is_full { Some(Err(Full)) } else { variable.map(Ok) }
    }
}

/// Room for values that have to be written.
#[derive(Debug)]
struct Room<'v> {
    free: &'v mut [u8],
    is_full: bool,
}

impl<'v> Room<'v> {
    const fn new(free: &'v mut [u8]) -> Self {
        Self { free, is_full: false }
    }

    /// What `write` writes.
    fn write(&mut self, write: impl FnOnce(&mut Cursor<'_>)) -> &'v [u8] {
        let mut out = Cursor::new(self.free);
        write(&mut out);
        let Ok(count) = out.written() else {
            self.is_full = true;
            return b"";
        };
        let (written, free) =
            mem::take(&mut self.free).split_at_mut_checked(count).unwrap_or_default();
        self.free = free;
        written
    }

    fn join(&mut self, parts: &[&[u8]]) -> &'v [u8] {
        self.write(|out| parts.iter().for_each(|part| out.push(part)))
    }

    fn number(&mut self, number: u64) -> &'v [u8] {
        self.join(&[Decimal::new(number).as_bytes()])
    }

    fn display(&mut self, value: &dyn Display) -> &'v [u8] {
        self.write(|out| {
            // What doesn't fit is counted.
            let _ = write!(Text(out), "{value}");
        })
    }

    /// An address as the host of a URL.
    fn host(&mut self, address: IpAddr) -> &'v [u8] {
        match address.to_canonical() {
            IpAddr::V4(address) => self.display(&address),
            IpAddr::V6(address) => self.display(&format_args!("[{address}]")),
        }
    }

    /// The values of all lines with this name, as one.
    fn field(&mut self, fields: Fields<'v>, name: &str) -> Option<&'v [u8]> {
        let mut values = fields.all(name);
        let first = values.next()?;
        if values.next().is_none() {
            return Some(first);
        }
        let separator = field_separator(name).as_bytes();
        Some(self.write(|out| {
            for (number, value) in fields.all(name).enumerate() {
                out.push(if number == 0 { b"" } else { separator });
                out.push(value);
            }
        }))
    }

    /// The name of a variable.
    fn variable(&mut self, name: impl Iterator<Item = char>) -> &'v str {
        let octets = self.write(|out| {
            for letter in name {
                out.push(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        });
        crate::bytes::ascii::as_str(octets)
    }
}

/// A cursor, for what is written as text.
struct Text<'t, 'b>(&'t mut Cursor<'b>);

impl fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push(text.as_bytes());
        Ok(())
    }
}
