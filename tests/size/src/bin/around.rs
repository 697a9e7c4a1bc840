//! A page within fields, names of the server, and a password.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::task::Waker;

use cortex_m_rt::entry;
use panic_halt as _;
use thimble_core::server::blocking::{Blocking, block_on};
use thimble_core::service::layers::{AddFields, BasicAuth, Hosts};
use thimble_core::{Answer, Buffers, Exchange, Limits, Method, NoClock, Driver, Service, Status, Transport};
use thimble_size::{Memory, measured};

struct Page;

impl Service for Page {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match exchange.method() {
            Method::Get => Ok(exchange.respond(Status::OK).html("<h1>Hello</h1>")),
            _ => Ok(exchange.allow(&[Method::Get])),
        }
    }
}

#[entry]
fn main() -> ! {
    const USERS: &[(&str, &str)] = &[("ada", "secret")];
    let guarded = BasicAuth::new(Page, USERS).challenge("Basic realm=\"a\"");
    let named = Hosts::new(guarded).names(&["printer.example"]);
    let service = AddFields::new(named, &[("X-Frame-Options", "DENY")]);
    let server = Driver::new(service, NoClock, Limits::DEVICE);
    let mut transport = Blocking::new(Memory::default(), Memory::default());
    let (mut rx, mut tx) = ([0; 2048], [0; 1024]);
    loop {
        let buffers = Buffers { rx: &mut rx, tx: &mut tx, fields: &mut [] };
        serve(&server, &mut transport, buffers);
    }
}

#[inline(never)]
fn serve<S: Service>(
    server: &Driver<S, NoClock>,
    transport: &mut Blocking<Memory, Memory>,
    buffers: Buffers<'_>,
) {
    let _ = black_box(block_on(measured(server.serve(transport, buffers)), Waker::noop(), spin_loop));
}
