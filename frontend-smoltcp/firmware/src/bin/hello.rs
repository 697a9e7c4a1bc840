//! The README's handler; its form has no files here, and what reads them is not linked.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use thimble_firmware::board::Board;
use thimble_firmware::ethernet::Frames;
use thimble_firmware::serve::{ServerMemory, serve};
use thimble_smoltcp::{Answer, Exchange, Method, Server, Service, Status, Transport};

struct Hello;

impl Service for Hello {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).text("Hello, world!\n")),
            (Method::Post, ["hello"]) => {
                let (form, respond) = exchange.urlencoded().await?; // 411, 413, 415 and 400 answered for you
                let name = form.get("name").unwrap_or("nobody");
                respond.status(Status::OK).content_type("text/plain").send(name.as_bytes()).await
            }
            (_, [] | ["hello"]) => Ok(exchange.allow(&[Method::Get, Method::Post])),
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
        }
    }
}

#[entry]
fn main() -> ! {
    static mut MEMORY: ServerMemory = ServerMemory::new();
    static mut FRAMES: Frames = Frames::EMPTY;
    serve(&mut Board::take(FRAMES), MEMORY, &Server::new(Hello), |_, _| ())
}
