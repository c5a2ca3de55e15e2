//! Devices of the node.
use core::marker::PhantomData;

use crate::error::{Result, result};
use crate::kit::{self, Declaration};

/// The device is written.
pub struct Written;
/// The device is read.
pub struct Read;
/// The device is written and read.
pub struct Both;

/// How a device is used: [`Written`], [`Read`] or [`Both`].
pub trait Access {
    /// Bit 0: written, bit 1: read.
    const FLAGS: u8;
}
impl Access for Written {
    const FLAGS: u8 = 1;
}
impl Access for Read {
    const FLAGS: u8 = 2;
}
impl Access for Both {
    const FLAGS: u8 = 3;
}

#[diagnostic::on_unimplemented(message = "this device is not declared to be written: it is a `Device<{Self}>`")]
pub trait IsWritten: Access {}
impl IsWritten for Written {}
impl IsWritten for Both {}

#[diagnostic::on_unimplemented(message = "this device is not declared to be read: it is a `Device<{Self}>`")]
pub trait IsRead: Access {}
impl IsRead for Read {}
impl IsRead for Both {}

/// A device, declared with [`device`](macro@crate::device).
pub struct Device<A> {
    declaration: &'static Declaration,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Device<A> {
    #[doc(hidden)]
    pub const FLAGS: u8 = A::FLAGS;

    #[doc(hidden)]
    pub const fn new(declaration: &'static Declaration) -> Self {
        Self { declaration, access: PhantomData }
    }

    /// Writes when the function that is running returns.
    ///
    /// # Errors
    /// `NotGranted` without the deployer's grant, `NoRoom` for too many writes in one event, `NoEvent` outside of one.
    pub fn write(&self, value: u32) -> Result
    where
        A: IsWritten,
    {
        // SAFETY: the declaration is one of the interface's.
        result(unsafe { kit::authentic_device_write(self.declaration, value) })
    }

    /// What the device shows: only as true as the node's devices are protected, not at all where the operating system stands
    /// between.
    pub fn read(&self) -> u32
    where
        A: IsRead,
    {
        // SAFETY: the declaration is one of the interface's.
        unsafe { kit::authentic_device_read(self.declaration) }
    }
}
