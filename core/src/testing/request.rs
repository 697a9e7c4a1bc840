//! Requests, as a client of a test makes them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::message::Method;
use crate::semantics::path::percent_encode;

/// A request to be sent.
///
/// Host, and Content-Length or Transfer-Encoding where there is content, are added unless the test adds
/// them itself. Nothing is checked: a test may send what no client should.
///
/// ```
/// use thimble_core::Method;
/// use thimble_core::testing::Request;
///
/// let request = Request::new(Method::Put, "/a").field("If-Match", "*").content(b"new");
/// assert_eq!(
///     request.to_octets(),
///     b"PUT /a HTTP/1.1\r\nHost: test\r\nIf-Match: *\r\nContent-Length: 3\r\n\r\nnew"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    line: String,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
}

/// A part of a form that [`Request::multipart`] sends: a text, or a file.
#[derive(Clone, Copy, Debug)]
pub struct FormPart<'a> {
    name: &'a str,
    /// File name and type.
    file: Option<(&'a str, &'a str)>,
    content: &'a [u8],
}

impl<'a> FormPart<'a> {
    /// A text.
    pub const fn text(name: &'a str, value: &'a str) -> Self {
        Self { name, file: None, content: value.as_bytes() }
    }

    /// A file.
    pub const fn file(
        name: &'a str,
        filename: &'a str,
        content_type: &'a str,
        content: &'a [u8],
    ) -> Self {
        Self { name, file: Some((filename, content_type)), content }
    }
}

/// A name as browsers write it between quotes.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

impl Request {
    /// A request without content.
    pub fn new(method: Method<'_>, target: &str) -> Self {
        let line = format!("{} {target} HTTP/1.1", method.as_str());
        Self { line, fields: Vec::new(), content: Vec::new() }
    }

    /// GET of `target`.
    pub fn get(target: &str) -> Self {
        Self::new(Method::Get, target)
    }

    /// POST to `target`, whose content follows.
    pub fn post(target: &str) -> Self {
        Self::new(Method::Post, target)
    }

    /// Adds a field line.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the content, and declares its length.
    pub fn content(self, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref().to_vec();
        let length = format!("{}", content.len());
        Self { content, ..self }.field("Content-Length", &length)
    }

    /// Sends the content in chunks, one for each of `chunks`; empty ones are left out.
    pub fn chunks(self, chunks: &[&[u8]]) -> Self {
        let mut content = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            content.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            content.extend_from_slice(chunk);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(b"0\r\n\r\n");
        Self { content, ..self }.field("Transfer-Encoding", "chunked")
    }

    /// Sets the content to a form, as `application/x-www-form-urlencoded`.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut content = Vec::new();
        for (name, value) in fields {
            for (sign, text) in [(b'&', name), (b'=', value)] {
                content.push(sign);
                percent_encode(text.as_bytes(), &mut |piece| content.extend_from_slice(piece));
            }
        }
        // The first sign divides nothing.
        let content = content.get(1..).unwrap_or_default().to_vec();
        self.field("Content-Type", "application/x-www-form-urlencoded").content(content)
    }

    /// The content is a form, as `multipart/form-data`, with files if need be.
    pub fn multipart(self, parts: &[FormPart<'_>]) -> Self {
        let mut boundary = String::from("boundary");
        let holds = |boundary: &str, content: &[u8]| {
            content.windows(boundary.len()).any(|octets| octets == boundary.as_bytes())
        };
        while parts.iter().any(|part| holds(&boundary, part.content)) {
            boundary.push('x');
        }
        let mut content = Vec::new();
        for FormPart { name, file, content: octets } in parts {
            let name = quoted(name);
            let file = file.map_or_else(String::new, |(filename, content_type)| {
                let filename = quoted(filename);
                format!("; filename=\"{filename}\"\r\nContent-Type: {content_type}")
            });
            let disposition = format!("Content-Disposition: form-data; name=\"{name}\"{file}");
            let head = format!("--{boundary}\r\n{disposition}\r\n\r\n");
            content.extend_from_slice(head.as_bytes());
            content.extend_from_slice(octets);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        self.field("Content-Type", &content_type).content(content)
    }

    /// The octets that are sent.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut line = |parts: &[&str]| {
            for part in parts.iter().chain(&["\r\n"]) {
                octets.extend_from_slice(part.as_bytes());
            }
        };
        line(&[&self.line]);
        if !self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("Host")) {
            line(&["Host: test"]);
        }
        for (name, value) in &self.fields {
            line(&[name, ": ", value]);
        }
        line(&[]);
        octets.extend_from_slice(&self.content);
        octets
    }
}
