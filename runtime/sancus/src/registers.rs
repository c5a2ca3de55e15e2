//! Register numbers and the bits of the status register.

pub(crate) const PC: usize = 0;
pub(crate) const SP: usize = 1;
pub(crate) const SR: usize = 2;

pub(crate) const CARRY: u16 = 0x0001;
pub(crate) const ZERO: u16 = 0x0002;
pub(crate) const NEGATIVE: u16 = 0x0004;
pub(crate) const GIE: u16 = 0x0008;
pub(crate) const CPU_OFF: u16 = 0x0010;
pub(crate) const OVERFLOW: u16 = 0x0100;
/// A violation was the cause; only ever in a saved status register.
pub(crate) const VIOLATED: u16 = 0x4000;
/// A protected module was interrupted.
pub(crate) const MODULE_INTERRUPTED: u16 = 0x8000;

pub(crate) const FLAGS: u16 = CARRY | ZERO | NEGATIVE | OVERFLOW;
/// What software can store in SR.
pub(crate) const WRITABLE: u16 = 0x01ff | MODULE_INTERRUPTED;
