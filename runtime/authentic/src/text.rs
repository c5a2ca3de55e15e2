//! Text of numbers and names, written into the bytes of a reply, an event or a log line.
use core::fmt::{self, Write};

use crate::error::{Error, Result};

/// Bytes that are filled from their beginning; what does not fit is cut off between two characters.
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a mut [u8],
    pub(crate) length: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.floor_char_boundary(self.bytes.len() - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Writes text: `write_text(reply, format_args!("{count} of {limit}"))?`.
///
/// # Returns
/// How many bytes it takes.
///
/// # Errors
/// `TooLong` where it does not fit.
pub fn write_text(to: &mut [u8], arguments: fmt::Arguments<'_>) -> Result<usize> {
    let mut text = Text { bytes: to, length: 0 };
    text.write_fmt(arguments).map_err(|_| Error::TooLong)?;
    Ok(text.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_fits_is_written() {
        let mut reply = [0; 8];
        assert_eq!(write_text(&mut reply, format_args!("{} of {}", 12, 300)), Err(Error::TooLong));
        assert_eq!(write_text(&mut reply, format_args!("{} of {}", 12, 30)), Ok(8));
        assert_eq!(&reply, b"12 of 30");
    }
}
