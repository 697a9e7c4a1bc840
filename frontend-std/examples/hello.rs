//! A handler of one's own: `cargo run --example hello`, then open <http://127.0.0.1:8000/hello/you>.

use thimble_std::{Answer, Exchange, Method, Server, Service, Status, Transport};

struct Hello;

impl Service for Hello {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).text("hello, world\n")),
            (Method::Get, ["hello", name]) => {
                let greeting = format!("hello, {name}\n");
                let reply = exchange.respond(Status::OK).content_type("text/plain; charset=utf-8");
                reply.send(greeting.as_bytes()).await
            }
            (_, [] | ["hello", _]) => Ok(exchange.allow(&[Method::Get])),
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
        }
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::bind(address)?;
    println!("Hello at http://{}/", server.local_addr()?);
    server.run(Hello)
}
