//! The demo site on a microcontroller, by the same `Site` as on a desktop, and a status page.
#![no_std]
#![no_main]

use core::cell::{Cell, RefCell};

use cortex_m_rt::entry;
use thimble_core::Image;
use thimble_core::bytes::ascii::Decimal;
use thimble_core::service::Ring;
use thimble_firmware::board::Board;
use thimble_firmware::ethernet::Frames;
use thimble_firmware::serve::{ServerMemory, serve};
use thimble_firmware::stack;
use thimble_smoltcp::{Answer, Exchange, Method, Server, Service, Site, Status, Transport};

/// The size of the memory for submitted forms, in octets.
const SUBMISSIONS_SIZE: usize = 2048;

/// The files of `site/`.
static SITE: Image = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// The beginning of the status page, in the site's style.
const TOP: &[u8] = b"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Status</title>\
    <meta name=viewport content=\"width=device-width\"><link rel=stylesheet href=/style.css>\
    <main><h1>Status</h1><dl class=try>\n";

/// The site, and the figures for the status page. `main` updates them after each poll.
struct Device {
    site: Site<
        'static,
        Image,
        &'static RefCell<Ring<SUBMISSIONS_SIZE>>,
        &'static RefCell<Ring<SUBMISSIONS_SIZE>>,
    >,
    uptime: Cell<u32>,
    requests: Cell<u32>,
    connections: Cell<u32>,
}

impl Service for Device {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, ["status"]) => self.status(exchange).await,
            (_, ["status"]) => Ok(exchange.allow(&[Method::Get])),
            _ => self.site.call(exchange).await,
        }
    }
}

impl Device {
    async fn status<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let facts = [
            ("uptime, seconds", u64::from(self.uptime.get())),
            ("requests", u64::from(self.requests.get())),
            ("connections", u64::from(self.connections.get())),
            ("free stack, octets", stack::free() as u64),
        ];
        let reply = exchange.respond(Status::OK).field("Cache-Control", "no-store");
        let mut page = reply.content_type("text/html; charset=utf-8").stream();
        page.queue(TOP).await?;
        for (name, value) in facts {
            let value = Decimal::new(value);
            for piece in [b"<dt>", name.as_bytes(), b"<dd>", value.as_bytes(), b"\n"] {
                page.queue(piece).await?;
            }
        }
        page.queue(b"</dl><p><a class=back href=/>Home</a></main>\n").await?;
        page.finish()
    }
}

#[entry]
fn main() -> ! {
    static mut MEMORY: ServerMemory = ServerMemory::new();
    static mut FRAMES: Frames = Frames::EMPTY;
    static mut SUBMISSIONS: RefCell<Ring<SUBMISSIONS_SIZE>> = RefCell::new(Ring::new());
    let site = Site::new(SITE).submissions(&*SUBMISSIONS).show_submissions(Some(&*SUBMISSIONS));
    let device =
        Device { site, uptime: Cell::new(0), requests: Cell::new(0), connections: Cell::new(0) };
    serve(&mut Board::take(FRAMES), MEMORY, &Server::new(&device), |serving, now| {
        device.uptime.set(u32::try_from(now.secs()).unwrap_or(u32::MAX));
        device.requests.set(serving.replies());
        device.connections.set(serving.connections());
    })
}
