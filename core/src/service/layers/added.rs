//! Fields that every reply has.

use crate::framing::EmitError;
use crate::framing::sender::{check_name, check_value};
use crate::server::{Admitted, Answer, Exchange, Service, Transport};

/// Fields of a reply that say something of it alone, so that they can't be the same in all of them.
const OF_ONE_REPLY: &[&str] = &[
    "Accept-Ranges",
    "Age",
    "Allow",
    "Content-Encoding",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Location",
    "WWW-Authenticate",
];

/// Adds fields to every reply of the service within: refusals, 304 and the 500 for a failure included.
/// It does what [`Exchange::with_fields`] does, which says where they stand and how much room they have. As
/// the outermost service, it adds them to replies that no service makes, too.
///
/// # Examples
/// ```
/// use thimble_core::service::layers::AddFields;
/// use thimble_core::testing::Client;
/// use thimble_core::{Answer, Exchange, Method, Service, Status, Transport};
///
/// struct Hello;
///
/// impl Service for Hello {
///     async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
///         match exchange.method() {
///             Method::Get => Ok(exchange.respond(Status::OK).text("hello")),
///             _ => Ok(exchange.allow(&[Method::Get])),
///         }
///     }
/// }
///
/// const FIELDS: &[(&str, &str)] = &[("X-Frame-Options", "DENY"), ("X-Robots-Tag", "noindex")];
///
/// let client = Client::new(AddFields::new(Hello, FIELDS));
/// assert_eq!(client.get("/").field("X-Frame-Options"), Some("DENY"));
/// let refused = client.post_form("/", &[]);
/// assert_eq!((refused.status(), refused.field("X-Robots-Tag")), (405, Some("noindex")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AddFields<'s, S> {
    inner: S,
    fields: &'s [(&'s str, &'s str)],
}

impl<'s, S> AddFields<'s, S> {
    /// Adds `fields`, names and values, to each reply of `inner`.
    pub const fn new(inner: S, fields: &'s [(&'s str, &'s str)]) -> Self {
        Self { inner, fields }
    }
}

/// Checks that a field can be in every reply, before there is any.
///
/// ```
/// use thimble_core::framing::EmitError;
/// use thimble_core::service::layers::check_field;
///
/// assert_eq!(check_field("X-Robots-Tag", "noindex"), Ok(()));
/// assert_eq!(check_field("X Robots", ""), Err(EmitError::Field));
/// assert_eq!(check_field("Connection", "close"), Err(EmitError::FramingField));
/// assert_eq!(check_field("ETag", "\"1\""), Err(EmitError::Repeated));
/// ```
///
/// # Errors
/// [`EmitError::Field`] if the name is no token, or the value has a control; [`EmitError::FramingField`] if
/// only the server itself can say it, as Content-Length, Connection and Date;
/// [`EmitError::Repeated`] if it says something of one reply alone, as Content-Type and ETag.
pub fn check_field(name: &str, value: &str) -> Result<(), EmitError> {
    check_name(name)?;
    check_value(value.as_bytes())?;
    if OF_ONE_REPLY.iter().any(|other| name.eq_ignore_ascii_case(other)) {
        return Err(EmitError::Repeated);
    }
    Ok(())
}

impl<S: Service> Service for AddFields<'_, S> {
    // Not an `async fn`: that would hold the exchange twice.
    fn call<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> impl Future<Output = Answer<'c, T>> {
        self.inner.call(exchange.with_fields(self.fields))
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        self.inner.admit(exchange).await
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.fields
    }
}
