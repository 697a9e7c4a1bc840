//! Any octets as a whole connection to the application of the case tables: the same replies whole
//! and octet by octet, and each of them well-formed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use thimble_core::framing::Limits;
use thimble_core::server::{NoClock, Driver};
use thimble_test_app::App;
use thimble_tests::memory::{Fixture, Served, Then, Wire};
use thimble_tests::cases::transcript::Transcript;

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| Fixture::load().expect("the fixture is there"));

/// What was served, and the replies, unless the connection was cut within one.
fn serve(pieces: &[&[u8]]) -> (Served, Option<Transcript>) {
    let server = Driver::new(App::new(*FIXTURE), NoClock, Limits::DEVICE);
    let mut wire = Wire::new(pieces, Then::Shut);
    let (mut rx, mut tx) = ([0; 8192], [0; 2048]);
    let served = wire.serve(&server, &mut rx, &mut tx).expect("this transport never fails");
    let closed = served == Served::Closed;
    let read = || Transcript::read(wire.output(), wire.to_head(), closed).expect("a whole reply");
    let transcript = (served != Served::Cut).then(|| read().without_interim());
    (served, transcript)
}

fuzz_target!(|input: &[u8]| {
    let bytewise: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(serve(&[input]), serve(&bytewise));
});
