//! What the benchmarks measure: `cargo run --release --example bench -p thimble-std -- PORT ROOT`.
//! Each connection has its thread; with a third argument, `--event-loop`, one has all of them.

use thimble_std::{
    Answer, EventLoop, Exchange, Folder, Method, Server, Service, Site, Status, Storage, Transport,
    event_loop,
};

struct Bench<S> {
    site: Site<'static, S>,
}

impl<S: Storage> Service for Bench<S> {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, ["plain"]) => Ok(exchange.respond(Status::OK).text("Hello, World!")),
            (Method::Post, ["form"]) => {
                let (form, respond) = exchange.form().await?;
                let name = form.get("name").unwrap_or_default();
                let reply = respond.status(Status::OK).content_type("text/plain; charset=utf-8");
                reply.send(name.as_bytes()).await
            }
            (_, ["plain"]) => Ok(exchange.allow(&[Method::Get])),
            (_, ["form"]) => Ok(exchange.allow(&[Method::Post])),
            _ => self.site.call(exchange).await,
        }
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(root)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("usage: bench PORT ROOT"));
    };
    let address = format!("127.0.0.1:{port}");
    println!("The benchmark at http://{address}/");
    if arguments.next().is_some_and(|flag| flag == "--event-loop") {
        let bench = Bench { site: Site::new(event_loop::Folder::open(root)?) };
        return EventLoop::bind(address)?.max_conns(20_000).run(bench);
    }
    let bench = Bench { site: Site::new(Folder::open(root)?) };
    Server::bind(address)?.max_conns(20_000).run(bench)
}
