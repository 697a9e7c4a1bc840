//! The same three routes, with a form of either type: what that adds is what multipart weighs.
#![no_std]
#![no_main]

use core::hint::{black_box, spin_loop};
use core::task::Waker;

use cortex_m_rt::entry;
use panic_halt as _;
use thimble_core::server::blocking::{Blocking, block_on};
use thimble_core::{Answer, Buffers, Exchange, Limits, Method, NoClock, Driver, Service, Status, Transport};
use thimble_size::{Memory, measured, three_routes};

three_routes!(form);
