//! A page, and events that tell of a state.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::task::Waker;

use cortex_m_rt::entry;
use panic_halt as _;
use thimble_core::server::blocking::{Blocking, block_on};
use thimble_core::{Answer, Buffers, Event, Exchange, Limits, Method, NoClock, Driver, Service, Status, Transport};
use thimble_size::{Memory, measured};

struct Lamp;

impl Service for Lamp {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).html("<h1>Hello</h1>")),
            (Method::Get, ["events"]) => {
                let mut events = exchange.events().await?;
                while let Some(state) = events.wait(async { black_box("on") }).await {
                    events.send(&Event::new(state).name("lamp").id("1")).await?;
                }
                events.finish()
            }
            _ => Ok(exchange.allow(&[Method::Get])),
        }
    }
}

#[entry]
fn main() -> ! {
    let server = Driver::new(Lamp, NoClock, Limits::DEVICE);
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
