//! The server of the case tables: the same application as on every other frontend.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use thimble_core::grammar::date::UnixTime;
use thimble_firmware::board::Board;
use thimble_firmware::ethernet::Frames;
use thimble_firmware::flash::{FIXTURE, Flash};
use thimble_firmware::serve::{Connections, serve};
use thimble_smoltcp::Server;

#[path = "../../../../tests/src/app.rs"]
#[allow(dead_code, reason = "the limits are those of the other image")]
mod app;

/// When every file of the tables was last changed.
const MODIFIED: UnixTime = UnixTime(784_111_777);

#[entry]
fn main() -> ! {
    static mut MEMORY: Connections = Connections::new();
    static mut FRAMES: Frames = Frames::NONE;
    let files = Flash { files: FIXTURE, modified: Some(MODIFIED) };
    serve(&mut Board::take(FRAMES), MEMORY, &Server::new(app::App::new(files)), |_, _| ())
}
