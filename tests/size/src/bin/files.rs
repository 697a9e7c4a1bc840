//! The files of an image, and nothing else.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::task::Waker;

use cortex_m_rt::entry;
use panic_halt as _;
use thimble_core::grammar::date::UnixTime;
use thimble_core::semantics::negotiate::Coding;
use thimble_core::server::blocking::{Blocking, block_on};
use thimble_core::service::Files;
use thimble_core::service::image::{Child, Directory, File, Image, Kind, Representation};
use thimble_core::{Buffers, Limits, NoClock, Driver};
use thimble_size::{Memory, measured};

static IMAGE: Image = Image::new(&[
    Directory {
        children: &[
            Child { name: b"index.html", is_link: false, kind: Kind::File(PAGE) },
            Child {
                name: b"sub",
                is_link: false,
                kind: Kind::Directory { index: 1, modified: None },
            },
        ],
        listed: &[1, 0],
    },
    Directory { children: &[], listed: &[] },
]);

const PAGE: File = File {
    content_type: "text/html; charset=utf-8",
    identity: Representation {
        coding: Coding::Identity,
        content: b"<h1>Hello</h1>",
        etag: "1",
        modified: Some(UnixTime(784_111_777)),
    },
    coded: &[Representation { coding: Coding::Gzip, content: b"", etag: "2", modified: None }],
    form_place: None,
};

/// As on a device, where nothing of it takes memory; and behind a `black_box`, so that nothing of it
/// is known where it is used.
static SERVER: Driver<Files<'static, Image>, NoClock> =
    Driver::new(Files::new(IMAGE), NoClock, Limits::DEVICE);

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
    server: &Driver<Files<'static, Image>, NoClock>,
    transport: &mut Blocking<Memory, Memory>,
    buffers: Buffers<'_>,
) {
    let _ = black_box(block_on(measured(server.serve(transport, buffers)), Waker::noop(), spin_loop));
}
