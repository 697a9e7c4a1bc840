//! The server of the case tables: the same application as on every other frontend. Flags on QEMU's
//! command line say how it is set up.
#![no_std]
#![no_main]

use core::ffi::CStr;
use core::hint::black_box;

use cortex_m_rt::entry;
use thimble_core::service::html::REFUSAL_PAGE;
use thimble_core::{Image, Limits};
use thimble_firmware::board::Board;
use thimble_firmware::command_line;
use thimble_firmware::ethernet::Frames;
use thimble_firmware::serve::{Connections, serve};
use thimble_smoltcp::Server;

#[allow(dead_code, reason = "other servers use the rest of it")]
#[path = "../../../../tests/src/app.rs"]
mod app;

#[allow(dead_code, reason = "other servers use the rest of it")]
/// What the application wants to know of a row's setting.
mod cases {
    #[derive(Clone, Copy)]
    pub struct Setting {
        pub hidden: bool,
        pub listing: bool,
    }

    impl Setting {
        pub const USUAL: Self = Self { hidden: false, listing: true };
    }
}

static FIXTURE: Image = include!(concat!(env!("OUT_DIR"), "/fixture.rs"));
static FIXTURE_404: Image = include!(concat!(env!("OUT_DIR"), "/fixture404.rs"));

/// The small limits of the tables.
fn small() -> Limits {
    let mut limits = Limits::DEVICE;
    limits.request_line = 256;
    limits.field_section = 1024;
    limits.fields = 16;
    limits.line = 64;
    limits.form = 512;
limits.multipart = 2048;
limits.parts = 4;
limits.part_head = 128;
    limits.drain = 1024;
    limits
}

/// Calls itself until the stack is full.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(above: &[u8]) {
    let more = black_box([above.first().copied().unwrap_or_default(); 256]);
    overflow(&more);
    black_box(more);
}

#[entry]
fn main() -> ! {
    static mut MEMORY: Connections = Connections::new();
    static mut FRAMES: Frames = Frames::NONE;
    let mut line = [0; 128];
    let line = command_line(&mut line).and_then(|line| CStr::to_str(line).ok()).unwrap_or_default();
    let has = |flag| line.split(' ').any(|word| word == flag);
    // What the board says then.
    assert!(!has("panic"));
    if has("overflow") {
        overflow(&[]);
    }
    let setting = cases::Setting { hidden: has("hidden"), listing: !has("no-listing") };
    let app = app::App::with(setting, if has("404") { FIXTURE_404 } else { FIXTURE });
    let limits = if has("small") { small() } else { Limits::DEVICE };
    let server = Server::new(app).limits(limits).refusal_page(REFUSAL_PAGE);
    serve(&mut Board::take(FRAMES), MEMORY, &server, |_, _| ())
}
