//! Forms that are sent to a command.

use super::Thimble;
use crate::wire::client::Reply;

/// A request that sends `form`, whose fields are encoded already.
pub fn post(form: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: thimble\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    )
}

/// The reply to `request`, on a connection of its own.
pub fn ask(thimble: &Thimble, request: &str) -> Reply {
    let mut client = thimble.connect();
    client.send(request).expect("the request goes out");
    client.reply().expect("a reply comes")
}
