//! The bridge of a board: the untrusted counterpart of a module host's enclave, for modules that run on a board.
//!
//! Module hosts keep queues and event sockets; the bridge carries one record at a time to the board and the module's
//! records back, over the board's UART. The board is emulated in this process, or hangs at a serial port.

pub mod board;
mod emulated;
pub mod freshness;
pub mod image;
pub mod line;
pub mod link;
mod serial;
pub mod server;

pub use emulated::Emulated;
pub use serial::Serial;
