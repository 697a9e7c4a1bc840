//! The server of the case tables with their small limits.
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
mod app;

/// When every file of the tables was last changed.
const MODIFIED: UnixTime = UnixTime(784_111_777);

#[entry]
fn main() -> ! {
    static mut MEMORY: Connections = Connections::new();
    static mut FRAMES: Frames = Frames::NONE;
    let files = Flash { files: FIXTURE, modified: Some(MODIFIED) };
    let server = Server::new(app::App::new(files)).limits(app::small());
    serve(&mut Board::take(FRAMES), MEMORY, &server, |_, _| ())
}
