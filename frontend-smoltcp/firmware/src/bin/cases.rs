//! The server for the case tables: the same test application as on every other frontend. Flags on
//! QEMU's command line select its settings.
#![no_std]
#![no_main]

use core::ffi::CStr;
use core::hint::black_box;

use cortex_m_rt::entry;
use thimble_core::Image;
use thimble_core::service::html::REFUSAL_PAGE;
use thimble_firmware::board::Board;
use thimble_firmware::command_line;
use thimble_firmware::ethernet::Frames;
use thimble_firmware::serve::{ServerMemory, serve};
use thimble_smoltcp::Server;
use thimble_test_app::{App, Layer, Setting, Sizes};

static FIXTURE: Image = include!(concat!(env!("OUT_DIR"), "/fixture.rs"));
static FIXTURE_404: Image = include!(concat!(env!("OUT_DIR"), "/fixture404.rs"));

/// Calls itself until the stack overflows.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(above: &[u8]) {
    let more = black_box([above.first().copied().unwrap_or_default(); 256]);
    overflow(&more);
    black_box(more);
}

#[entry]
fn main() -> ! {
    static mut MEMORY: ServerMemory = ServerMemory::new();
    static mut FRAMES: Frames = Frames::EMPTY;
    let mut line = [0; 128];
    let line = command_line(&mut line).and_then(|line| CStr::to_str(line).ok()).unwrap_or_default();
    let has = |flag| line.split(' ').any(|word| word == flag);
    // For the test of what is printed on a panic.
    assert!(!has("panic"));
    if has("overflow") {
        overflow(&[]);
    }
    let setting = Setting {
        limits: if has("small") { Sizes::Small } else { Sizes::Usual },
        hidden: has("hidden"),
        listing: !has("no-listing"),
        layer: Layer::ALL.into_iter().find(|layer| has(layer.name())).unwrap_or_default(),
        ..Setting::USUAL
    };
    let app = App::with(setting, if has("404") { FIXTURE_404 } else { FIXTURE });
    let server = Server::new(app).limits(setting.limits.of_a_device()).refusal_page(REFUSAL_PAGE);
    serve(&mut Board::take(FRAMES), MEMORY, &server, |_, _| ())
}
