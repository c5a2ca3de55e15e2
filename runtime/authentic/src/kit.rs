//! The kit's side, as `authentic.h` has it.
use core::ffi::c_char;

use crate::event::Event;

/// Bytes of a declaration's name with its terminating zero (AUTHENTIC_NAME).
pub const NAME: usize = 48;
/// Bytes of a log line (AUTHENTIC_LOG).
pub const LOG: usize = 1024;
/// Connections of one handler (AUTHENTIC_CLIENTS): boards have less memory.
pub const CLIENTS: usize = if cfg!(target_arch = "arm") { 4 } else { 8 };

/// One record of `.authentic.interface` (docs/protocol.md section 3).
#[repr(C)]
pub struct Declaration {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) version: u16,
    pub(crate) maximum: u32,
    pub(crate) reply_maximum: u32,
    pub(crate) burst: u32,
    pub(crate) name: [u8; NAME],
    pub(crate) code: Code,
    pub(crate) data: *mut u8,
    /// Not constant: the loader relocates the pointers.
    pub(crate) relocated: core::cell::UnsafeCell<()>,
}

/// The pointer to a function: of one type for the kit, which knows the others by the kind.
#[repr(C)]
pub union Code {
    pub(crate) none: *const u8,
    pub(crate) event: extern "C" fn(*const u8, usize),
    pub(crate) handler: extern "C" fn(*const u8, usize, *mut u8, usize) -> i64,
    pub(crate) migration: extern "C" fn(*const u8) -> bool,
}

// SAFETY: nothing writes to it but the loader, before anything else runs.
unsafe impl Sync for Declaration {}

unsafe extern "C" {
    pub fn authentic_event() -> *const Event;
    pub fn authentic_log(text: *const c_char) -> i32;
    pub fn authentic_emit(output: *const Declaration, data: *const u8, length: usize) -> i32;
    pub fn authentic_request(request: *const Declaration, data: *const u8, length: usize, reply: *mut u8, capacity: usize, reply_length: *mut usize) -> i32;
    pub fn authentic_integer(integer: *const Declaration) -> i64;
    pub fn authentic_device_write(device: *const Declaration, value: u32) -> i32;
    pub fn authentic_device_read(device: *const Declaration) -> u32;
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// The number that a `#define` of the header gives.
    fn defined(header: &str, name: &str) -> usize {
        let line = header.lines().find(|line| line.starts_with("#define ") && line.split_whitespace().nth(1) == Some(name)).expect("a definition");
        line.split_whitespace().nth(2).and_then(|value| value.parse().ok()).expect("a number")
    }

    #[test]
    fn sizes_are_those_of_the_kit() {
        let header = include_str!("../../kit/include/authentic_limits.h");
        assert_eq!(NAME, defined(header, "AUTHENTIC_NAME"));
        assert_eq!(LOG, defined(header, "AUTHENTIC_LOG"));
        assert_eq!(CLIENTS, defined(header, "AUTHENTIC_CLIENTS"), "on servers");
        assert_eq!(core::mem::size_of::<Declaration>(), 16 + NAME + 2 * core::mem::size_of::<usize>());
        assert_eq!(core::mem::size_of::<Event>(), 24);
    }
}
