//! What goes wrong is said, and the board starts anew.

use core::panic::PanicInfo;

use crate::stack;
use crate::uart::{print, print_number};
use cortex_m::peripheral::SCB;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(location) = info.location() {
        print(&["panicked at ", location.file()]);
        print_number(":", location.line(), "\n");
    }

    SCB::sys_reset();
}

// A fault in the stack leaves none to run on: the pointer goes back to the start before anything is
// pushed. What it was is passed on.
core::arch::global_asm!(
    ".section .text.HardFault, \"ax\"",
    ".global HardFault",
    ".type HardFault,%function",
    ".thumb_func",
    "HardFault:",
    "mrs r0, msp",
    "ldr r1, =_stack_start",
    "msr msp, r1",
    "ldr r2, ={report}",
    "bx r2",
    report = sym report,
);

extern "C" fn report(pointer: usize) -> ! {
    if pointer < stack::end() + 64 {
        print(&["the stack is full\n"]);
    } else {
        print(&["a fault\n"]);
    }
    SCB::sys_reset();
}
