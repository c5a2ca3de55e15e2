//! Lines for people who watch the node.
use core::ffi::c_char;
use core::fmt::{self, Write};

use crate::error::{Result, result};
use crate::kit::{self, LOG};

/// A line on its way to the kit, which wants a terminating zero; what does not fit is cut off.
struct Line {
    bytes: [u8; LOG + 1],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.floor_char_boundary(LOG - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Publishes a line of text: NOT secret, not authenticated; for people who watch the node. At most 1,024 bytes; the rest
/// is cut off, as is everything behind a zero byte.
///
/// # Errors
/// `NoRoom` for too many lines in one event, `NoEvent` outside of one.
pub fn log(text: &str) -> Result {
    log_arguments(format_args!("{text}"))
}

/// As [`log()`], formatted: `log_arguments(format_args!("{level} of {limit}"))`.
///
/// # Errors
/// As [`log()`].
pub fn log_arguments(arguments: fmt::Arguments<'_>) -> Result {
    let mut line = Line { bytes: [0; LOG + 1], length: 0 };
    // An error means that the line is full: it is published as far as it goes.
    let _ = line.write_fmt(arguments);
    // SAFETY: the line ends with a zero, for it has one byte more than is ever written.
    result(unsafe { kit::authentic_log(line.bytes.as_ptr().cast::<c_char>()) })
}
