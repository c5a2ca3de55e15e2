//! Lines for people who watch the node.
use core::ffi::c_char;
use core::fmt::{self, Write};

use crate::error::{Result, result};
use crate::kit::{self, LOG};
use crate::text::Text;

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
    let mut line = [0; LOG + 1];
    // An error means that the line is full: it is published as far as it goes.
    let _ = Text { bytes: &mut line[..LOG], length: 0 }.write_fmt(arguments);
    // SAFETY: the line ends with a zero, for its last byte is never written.
    result(unsafe { kit::authentic_log(line.as_ptr().cast::<c_char>()) })
}
