//! A transport in memory, for measuring what a server weighs without a network stack.
#![no_std]

use core::arch::asm;
use core::convert::Infallible;
use core::hint::black_box;

use embedded_io::{ErrorType, Read, Write};
use thimble_core::server::Half;
use thimble_core::server::blocking::Close;

/// Where octets come from and go to. The compiler can't know what is in it.
#[derive(Default)]
pub struct Memory {
    octet: u8,
}

impl ErrorType for Memory {
    type Error = Infallible;
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        for octet in buffer.iter_mut() {
            *octet = black_box(self.octet);
        }
        Ok(black_box(buffer.len()))
    }
}

impl Write for Memory {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        for octet in octets {
            self.octet = black_box(*octet);
        }
        Ok(black_box(octets.len()))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Close for Memory {
    fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Half for Memory {}

/// Leaves the octets of `future` in a section of the ELF file, for `run` to read.
pub fn measured<F: Future>(future: F) -> F {
    // SAFETY: nothing is executed.
    unsafe {
        asm!(".pushsection .future, \"\", %progbits", ".word {}", ".popsection", const size_of::<F>());
    }
    future
}

/// A program of three routes: a page, a form that is read by a method of the exchange, and a small file.
#[macro_export]
macro_rules! three_routes {
    ($read:ident) => {
        struct Routes;

        impl Service for Routes {
            async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
                match (exchange.method(), exchange.segments()) {
                    (Method::Get, []) => Ok(exchange.respond(Status::OK).html("<h1>Hello</h1>")),
                    (Method::Get, ["style.css"]) => {
                        Ok(exchange.respond(Status::OK).content_type("text/css").content(b"h1{color:teal}"))
                    }
                    (Method::Post, ["led", name]) => {
                        let (form, respond) = exchange.$read().await?;
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
    };
}
