//! The fields of a form, decoded.

use crate::bytes::ascii::as_str;
use crate::bytes::take::take_until;
use crate::message::{Refusal, Status};

/// What answers texts that are not UTF-8.
pub(super) const NOT_UTF8: &Refusal =
    &Refusal::new(Status::BAD_REQUEST, "the form is not in UTF-8");

// Octets that end a piece of a field. None of them stands in UTF-8.
/// Behind a name.
pub(super) const NAME_END: u8 = 0xfe;
/// Behind the name of a file, whose size and type follow.
pub(super) const FILE_NAME_END: u8 = 0xfd;
/// Behind a field. The last one may lack it.
pub(super) const FIELD_END: u8 = 0xff;

/// The name of the field that names the charset (RFC 7578 §4.6), as it is kept.
pub(super) const CHARSET: &[u8] = b"_charset_\xfe";

/// The type of a part that says none (RFC 7578 §4.4).
pub(super) const DEFAULT_TYPE: &str = "text/plain";

/// The fields of a form, decoded.
///
/// ```
/// use thimble_core::testing::{Client, Request};
/// use thimble_core::{Answer, Exchange, Service, Status, Transport};
///
/// async fn order<'c, T: Transport>(exchange: Exchange<'c, T>) -> Answer<'c, T> {
///     let (form, respond) = exchange.form().await?; // 411, 413, 415 and 400 answered for you
///     let count: u32 = form.get("count").and_then(|count| count.parse().ok()).unwrap_or(1);
///     let toppings = form.iter().filter(|(name, _)| *name == "topping");
///     let toppings: Vec<_> = toppings.map(|(_, value)| value).collect();
///     let text = format!("{count} with {}", toppings.join(" and "));
///     respond.status(Status::OK).send(text.as_bytes()).await
/// }
///
/// # struct Example;
/// #
/// # impl Service for Example {
/// #     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
/// #         order(exchange).await
/// #     }
/// # }
/// #
/// let client = Client::new(Example);
/// let fields = [("count", "2"), ("topping", "jalapeños"), ("topping", "salt & pepper")];
/// assert_eq!(client.post_form("/", &fields).text(), "2 with jalapeños and salt & pepper");
/// assert_eq!(client.send(&Request::post("/").content("{}")).status(), 415);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Form<'c> {
    /// Fields one after the other: name and value, or name, file name, size and type, with what ends
    /// them behind each. What ends a field may stand alone.
    decoded: &'c [u8],
}

/// A field of a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormField<'c> {
    /// Its name.
    pub name: &'c str,
    /// Its value; of a file, the name of that, empty where none was chosen.
    pub value: &'c str,
    /// What else is known of a file.
    pub file: Option<FormFile<'c>>,
}

/// A file that came with a form, besides its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormFile<'c> {
    /// Its media type, as the client has it; `text/plain` if it says none (RFC 7578 §4.4).
    pub content_type: &'c str,
    /// Octets of its content.
    pub size: u64,
}

impl<'c> Form<'c> {
    /// Fields that stand one after the other, as they are kept.
    pub(crate) const fn from_decoded(decoded: &'c [u8]) -> Self {
        Self { decoded }
    }

    /// Names and values in the order they were sent. A field without an equals sign has an empty
    /// value, and the value of a file is its name, as it is in forms that are urlencoded.
    pub fn iter(&self) -> impl Iterator<Item = (&'c str, &'c str)> + Clone + use<'c> {
        self.encoded().map(|mut field| {
            // Only UTF-8 was decoded.
            let name = as_str(take_until(&mut field, NAME_END));
            (name, as_str(take_until(&mut field, FILE_NAME_END)))
        })
    }

    /// The fields in the order they were sent, with what is known of files.
    pub fn fields(&self) -> impl Iterator<Item = FormField<'c>> + Clone + use<'c> {
        self.encoded().zip(self.iter()).map(FormField::new)
    }

    /// The value of the first field called `name`.
    pub fn get(&self, name: &str) -> Option<&'c str> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// The fields as they are kept, each without what ends it.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = &'c [u8]> + Clone + use<'c> {
        Encoded { rest: self.decoded }
    }
}

/// A field as [`Form::from_decoded`] takes it, in pieces.
pub(crate) fn encode_field<'a>(name: &'a str, value: &'a str) -> [&'a [u8]; 4] {
    [name.as_bytes(), &[NAME_END], value.as_bytes(), &[FIELD_END]]
}

/// The same for a file.
pub(crate) fn encode_file<'a>(
    name: &'a str,
    file_name: &'a str,
    size: &'a Size,
    content_type: &'a str,
) -> [&'a [u8]; 7] {
    let [name, name_end, file_name, end] = encode_field(name, file_name);
    [name, name_end, file_name, &[FILE_NAME_END], size, content_type.as_bytes(), end]
}

/// What ends a field.
pub(crate) const END: &[u8] = &[FIELD_END];

/// The size of a file as it is kept: always of the same length, so that its place can be kept free
/// until it is known. Its digits have seven bits.
pub(crate) type Size = [u8; 10];

/// Puts the size of a file into its place, the last octets of these.
pub(crate) fn encode_size(mut size: u64, octets: &mut [u8]) {
    for digit in octets.iter_mut().rev().take(size_of::<Size>()) {
        *digit = (size & 0x7f) as u8;
        size >>= 7;
    }
}

impl<'c> From<(&'c str, &'c str)> for FormField<'c> {
    fn from((name, value): (&'c str, &'c str)) -> Self {
        Self { name, value, file: None }
    }
}

impl<'c> FormField<'c> {
    /// Whether it is a file that was chosen: browsers send a file without name and content otherwise.
    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some_and(|file| file.size > 0 || !self.value.is_empty())
    }

    fn new((mut encoded, field): (&'c [u8], (&'c str, &'c str))) -> Self {
        take_until(&mut encoded, FILE_NAME_END);
        let file = encoded.split_first_chunk().map(|(size, content_type): (&Size, _)| FormFile {
            content_type: if content_type.is_empty() { DEFAULT_TYPE } else { as_str(content_type) },
            size: size.iter().fold(0, |size, &digit| size << 7 | u64::from(digit)),
        });
        Self { file, ..field.into() }
    }
}

#[derive(Clone)]
struct Encoded<'c> {
    rest: &'c [u8],
}

impl<'c> Iterator for Encoded<'c> {
    type Item = &'c [u8];

    fn next(&mut self) -> Option<Self::Item> {
        // Between two ampersands there is no field. One without a name still has the end of that.
        while let [FIELD_END, rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        Some(take_until(&mut self.rest, FIELD_END))
    }
}
