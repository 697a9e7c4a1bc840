//! Files whose length isn't known: they are sent up to where reading them ends.

use super::plan::OTHER_STATE;
use crate::message::Status;
use crate::semantics::conditional::{Access, Outcome, Validators, evaluate};
use crate::server::{Error, Exchange, Responded, Transport};
use crate::service::storage::File;

/// Answers GET of such a file. It has no ranges, and nothing that tells its states apart.
pub(super) async fn send_to_end<'c, T: Transport>(
    exchange: Exchange<'c, T>,
    file: &impl File,
    content_type: &str,
) -> Result<Responded<'c, T>, Error<T::Error>> {
    let validators = Validators::default();
    match evaluate(exchange.head(), &validators, Access::Reads, exchange.now()) {
        Outcome::Proceed => {}
        Outcome::Failed => return Ok(exchange.refuse(OTHER_STATE)),
        Outcome::NotModified => return Ok(exchange.respond(Status::NOT_MODIFIED).empty()),
    }
    let reply = exchange.respond(Status::OK).content_type(content_type);
    let mut stream = reply.field("X-Content-Type-Options", "nosniff").stream();
    if !stream.omits_content() {
        file.send_to_end(&mut stream).await?;
    }
    stream.finish()
}
