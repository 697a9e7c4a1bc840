//! The Common Gateway Interface, version 1.1 (RFC 3875), without processes: what a script is told of a
//! request, and what its reply means.
//!
//! | | | section |
//! |---|---|---|
//! | [`ScriptPath`] | which part of a path names the script | RFC 3875 §3.3 |
//! | [`Request`] | the meta-variables | RFC 3875 §4.1 |
//! | [`field_variable`] | the variable of a field, for gateways of any kind | RFC 3875 §4.1.18 |
//! | [`Words`] | the arguments of an indexed query | RFC 3875 §4.4 |
//! | [`ReplyHead`] | the head of the script's reply | RFC 3875 §6 |
//! | [`redirect`] | the request that a local redirect stands for | RFC 3875 §6.2.2 |
//! | [`Outgoing`] | that reply to the client, whatever the script says of its length | |
//!
//! All but the last are functions of octets, for any server; they allocate nothing. On a system with
//! processes, `thimble_std::Cgi` and `thimble_tokio::Cgi` run the scripts.

mod fault;
mod head;
mod outgoing;
mod path;
mod redirect;
mod variables;
mod words;

pub use fault::{BUSY, CIRCULAR, CONTENT_TOO_SLOW, FAILED, HeadError, TOO_LARGE, TOO_SLOW};
pub use head::ReplyHead;
pub use outgoing::Outgoing;
pub use path::ScriptPath;
pub use redirect::{MAX_REDIRECTS, redirect, redirect_room};
pub use variables::{
    Request, SOFTWARE, Variables, field_separator, field_variable, is_meta_variable, says_who_asks,
};
pub use words::Words;
