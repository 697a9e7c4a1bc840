//! Panics and faults: they are printed, and the board is reset.

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

// After a stack overflow there is no stack to run on, so the stack pointer is set back to the start
// before anything is pushed. `report` gets its old value.
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
