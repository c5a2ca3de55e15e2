//! The LED digits at 0x90–0x97: eight latches software writes and the board shows.

/// Eight bytes, one a digit.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedDigits {
    latches: [u8; 8],
}

impl LedDigits {
    /// What the digits show, digit 0 first.
    #[must_use]
    pub fn shown(&self) -> [u8; 8] {
        self.latches
    }

    pub(super) fn read(&self, address: u16) -> u8 {
        self.latches[usize::from(address & 7)]
    }

    pub(super) fn write(&mut self, address: u16, value: u8) {
        self.latches[usize::from(address & 7)] = value;
    }
}
