//! Services around a service: a field in every reply, a password for a part of the paths, and a count of
//! what was not found. `cargo run --example layers`, then
//! `curl -i http://127.0.0.1:8000/` and `curl -i -u ada:secret http://127.0.0.1:8000/admin/missed`.

use std::sync::atomic::{AtomicU32, Ordering};

use thimble_std::thimble_core::service::layers::{Guard, Watch};
use thimble_std::{Answer, Exchange, Method, Server, Service, Status, Transport};

/// Requests that found nothing.
static MISSED: AtomicU32 = AtomicU32::new(0);

/// What the browser sends for the name `ada` and the password `secret` (RFC 7617). Over a network that
/// others use, this needs TLS.
const ADA: &[u8] = b"Basic YWRhOnNlY3JldA==";

struct Pages;

impl Service for Pages {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).html("<h1>Hello</h1>\n")),
            (Method::Get, ["admin", "missed"]) => {
                let missed = format!("{} requests found nothing\n", MISSED.load(Ordering::Relaxed));
                exchange
                    .respond(Status::OK)
                    .content_type("text/plain")
                    .send(missed.as_bytes())
                    .await
            }
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
        }
    }
}

/// Adds fields to whatever reply the service within makes: also to one that refuses, and to a 500.
struct WithFields<S>(S);

const FIELDS: &[(&str, &str)] =
    &[("Content-Security-Policy", "default-src 'self'"), ("Referrer-Policy", "no-referrer")];

impl<S: Service> Service for WithFields<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        self.0.call(exchange.with_fields(FIELDS)).await
    }
}

fn service() -> impl Service + Sync {
    let watched = Watch::new(Pages, |seen| {
        if seen.status == Status::NOT_FOUND {
            MISSED.fetch_add(1, Ordering::Relaxed);
        }
    });
    let guarded =
        Guard::new(watched, |asked| asked.head.fields().only("Authorization") == Some(ADA));
    WithFields(guarded.below(&["admin"]).challenge("Basic realm=\"admin\""))
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::bind(address)?;
    println!("http://{}/", server.local_addr()?);
    server.run(service())
}

#[cfg(test)]
mod tests {
    use thimble_std::testing::{Client, Request};

    use super::*;

    #[test]
    fn every_reply_has_the_fields_and_the_password_opens_one_door() {
        let client = Client::new(service());
        let admin = Request::get("/admin/missed");
        let known = Request::get("/admin/missed").field("Authorization", "Basic YWRhOnNlY3JldA==");
        for (request, status) in
            [(Request::get("/"), 200), (Request::get("/x"), 404), (admin, 401), (known, 200)]
        {
            let reply = client.send(&request);
            assert_eq!(reply.status(), status);
            assert_eq!(reply.field("Referrer-Policy"), Some("no-referrer"));
        }
        assert_eq!(client.get("/%61dmin/missed").status(), 401);
    }
}
