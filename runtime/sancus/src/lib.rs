//! An MSP430 board with Sancus protected modules, emulated at the instruction level.
//!
//! [`Machine`] is the whole board: CPU, memory, peripherals, module table and crypto unit. A board bridge drives it in
//! its own process: run it for some cycles, take what the UART sent, set pins, go on.
//!
//! By default the emulator closes the weaknesses of the published Sancus core; [`MachineBuilder::hardware_quirks`]
//! reproduces them.

#![forbid(unsafe_code)]

mod alu;
mod bridge;
mod bus;
mod cpu;
pub mod crypto;
pub mod devices;
pub mod disassemble;
pub mod gdb;
pub mod image;
mod interrupts;
mod machine;
pub mod memory;
mod modules;
mod registers;
mod sancus;
mod violation;

pub use machine::{Machine, MachineBuilder, NoMemory, Stop};
pub use modules::{CAPACITY, Module};
pub use violation::{Attempt, Violation};

/// Compiles the Rust of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sancus-emulator.md")]
struct Documentation;
