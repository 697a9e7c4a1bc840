//! Three routes: a page, a form, and a small file.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::task::Waker;

use cortex_m_rt::entry;
use panic_halt as _;
use thimble_core::server::blocking::{Blocking, block_on};
use thimble_core::{Answer, Buffers, Exchange, Limits, Method, NoClock, Driver, Service, Status, Transport};
use thimble_size::{Memory, measured};

struct Routes;

impl Service for Routes {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).html("<h1>Hello</h1>")),
            (Method::Get, ["style.css"]) => {
                Ok(exchange.respond(Status::OK).content_type("text/css").content(b"h1{color:teal}"))
            }
            (Method::Post, ["led", name]) => {
                let (form, respond) = exchange.form().await?;
                black_box((name, form.get("on")));
                Ok(respond.see_other("/"))
            }
            (_, [] | ["style.css"]) => Ok(exchange.allow(&[Method::Get])),
            (_, ["led", _]) => Ok(exchange.allow(&[Method::Post])),
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
        }
    }
}

/// As on a device, where nothing of it takes memory; and behind a `black_box`, so that nothing of it
/// is known where it is used.
static SERVER: Driver<Routes, NoClock> = Driver::new(Routes, NoClock, Limits::DEVICE);

#[entry]
fn main() -> ! {
    let mut transport = Blocking::new(Memory::default(), Memory::default());
    let (mut rx, mut tx) = ([0; 2048], [0; 1024]);
    loop {
        let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
        serve(black_box(&SERVER), &mut transport, buffers);
    }
}

/// In a frame of its own: behind the buffers, all that is in it would be far from the stack pointer,
/// and each access an instruction or two longer.
#[inline(never)]
fn serve(
    server: &Driver<Routes, NoClock>,
    transport: &mut Blocking<Memory, Memory>,
    buffers: Buffers<'_>,
) {
    let _ = black_box(block_on(measured(server.serve(transport, buffers)), Waker::noop(), spin_loop));
}
