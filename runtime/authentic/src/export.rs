//! What the attributes expand to; not for modules themselves.
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, size_of};
use core::ptr::{self, null_mut};
use core::{slice, str};

use crate::error::{Error, Refused, Result, result};
use crate::kit::{self, Code, NAME};
pub use crate::kit::{CLIENTS, Declaration};
use crate::memory::Plain;

/// docs/protocol.md section 3: kinds of declarations.
const INPUT: u8 = 1;
const OUTPUT: u8 = 2;
const ENTRY: u8 = 3;
const REQUEST: u8 = 4;
const HANDLER: u8 = 5;
const STATE: u8 = 6;
const INTEGER: u8 = 7;
const TEXT: u8 = 8;
const DEVICE: u8 = 9;
const MIGRATION: u8 = 10;
/// Flag of a migration that forgets.
const DROPPED: u8 = 1;

pub type EventCode = extern "C" fn(*const u8, usize);
pub type HandlerCode = extern "C" fn(*const u8, usize, *mut u8, usize) -> i64;
pub type MigrationCode = extern "C" fn(*const u8) -> bool;

/// A size as the record has it; what does not fit is refused by the builder as too large.
const fn number(value: usize) -> u32 {
    if value > u32::MAX as usize { u32::MAX } else { value as u32 }
}

impl Declaration {
    const fn of(kind: u8, text: &str, maximum: usize) -> Self {
        let mut name = [0; NAME];
        let mut index = 0;
        while index < text.len() {
            name[index] = text.as_bytes()[index];
            index += 1;
        }
        Self {
            kind,
            flags: 0,
            version: 0,
            maximum: number(maximum),
            reply_maximum: 0,
            burst: 0,
            name,
            code: Code { none: null_mut() },
            data: null_mut(),
            relocated: UnsafeCell::new(()),
        }
    }

    pub const fn input(name: &str, maximum: usize, code: EventCode) -> Self {
        Self { code: Code { event: code }, ..Self::of(INPUT, name, maximum) }
    }

    pub const fn entry(name: &str, maximum: usize, code: EventCode) -> Self {
        Self { code: Code { event: code }, ..Self::of(ENTRY, name, maximum) }
    }

    pub const fn output(name: &str, maximum: usize, burst: u32) -> Self {
        Self { burst, ..Self::of(OUTPUT, name, maximum) }
    }

    pub const fn request(name: &str, maximum: usize, reply: usize) -> Self {
        Self { reply_maximum: number(reply), ..Self::of(REQUEST, name, maximum) }
    }

    pub const fn handler(name: &str, maximum: usize, reply: usize, code: HandlerCode, replies: *mut u8) -> Self {
        Self { reply_maximum: number(reply), code: Code { handler: code }, data: replies, ..Self::of(HANDLER, name, maximum) }
    }

    pub const fn state(name: &str, size: usize, schema: u16, object: *mut u8) -> Self {
        Self { version: schema, data: object, ..Self::of(STATE, name, size) }
    }

    pub const fn integer(name: &str) -> Self {
        Self::of(INTEGER, name, 0)
    }

    pub const fn text(name: &str, maximum: usize, buffer: *mut u8) -> Self {
        Self { data: buffer, ..Self::of(TEXT, name, maximum) }
    }

    pub const fn device(name: &str, flags: u8) -> Self {
        Self { flags, ..Self::of(DEVICE, name, 0) }
    }

    pub const fn migration(name: &str, size: usize, schema: u16, code: MigrationCode) -> Self {
        Self { version: schema, code: Code { migration: code }, ..Self::of(MIGRATION, name, size) }
    }

    pub const fn dropped(name: &str) -> Self {
        Self { flags: DROPPED, ..Self::of(MIGRATION, name, 0) }
    }

    pub fn emit(&'static self, data: &[u8]) -> Result {
        // SAFETY: the declaration is one of the interface's; the kit copies the data before it returns.
        result(unsafe { kit::authentic_emit(self, data.as_ptr(), data.len()) })
    }

    pub fn ask(&'static self, data: &[u8], reply: &mut [u8]) -> Result<usize> {
        let mut length = 0;
        // SAFETY: the declaration is one of the interface's; both buffers outlive the call, which waits for the reply.
        result(unsafe { kit::authentic_request(self, data.as_ptr(), data.len(), reply.as_mut_ptr(), reply.len(), &mut length) })?;
        Ok(length)
    }

    pub fn value(&'static self) -> i64 {
        // SAFETY: the declaration is one of the interface's.
        unsafe { kit::authentic_integer(self) }
    }
}

/// Storage that the kit writes to: replies that a handler keeps, the texts of the configuration.
#[repr(transparent)]
pub struct Storage<T>(UnsafeCell<T>);

// SAFETY: it is the kit's; modules read texts, which the kit writes before any of their code runs.
unsafe impl<T> Sync for Storage<T> {}

impl<const N: usize> Storage<[u8; N]> {
    pub const fn zeroed() -> Self {
        Self(UnsafeCell::new([0; N]))
    }

    /// The text before the first zero. The builder puts only UTF-8 there.
    pub fn text(&'static self) -> &'static str {
        // SAFETY: written before any code of the module runs, and never again.
        let bytes = unsafe { &*self.0.get() };
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(N);
        str::from_utf8(&bytes[..length]).unwrap_or_default()
    }
}

impl<const N: usize, const M: usize> Storage<[[u8; N]; M]> {
    pub const fn rows() -> Self {
        Self(UnsafeCell::new([[0; N]; M]))
    }
}

impl<T> Storage<T> {
    pub const fn pointer(&self) -> *mut u8 {
        self.0.get().cast()
    }
}

/// Data from the kit, which has no address where it has no bytes.
///
/// # Safety
/// There are so many bytes for the duration of `'a`.
unsafe fn bytes<'a>(data: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: as the caller says.
    if length == 0 { &[] } else { unsafe { slice::from_raw_parts(data, length) } }
}

/// Calls an input or entry.
///
/// # Safety
/// Only for the kit, whose data are valid until this returns.
pub unsafe fn call(data: *const u8, length: usize, function: impl FnOnce(&[u8])) {
    // SAFETY: as the caller says.
    function(unsafe { bytes(data, length) });
}

/// Calls a handler: the length of its reply, or a negative number.
///
/// # Safety
/// Only for the kit, whose data and reply buffer, which do not overlap, are valid until this returns.
pub unsafe fn handle(
    data: *const u8,
    length: usize,
    reply: *mut u8,
    capacity: usize,
    function: impl FnOnce(&[u8], &mut [u8]) -> core::result::Result<usize, Refused>,
) -> i64 {
    // SAFETY: as the caller says.
    let buffer = if capacity == 0 { &mut [] } else { unsafe { slice::from_raw_parts_mut(reply, capacity) } };
    // SAFETY: as the caller says.
    match function(unsafe { bytes(data, length) }, buffer) {
        Ok(length) => i64::try_from(length).unwrap_or(Error::Refused as i64),
        Err(Refused) => Error::Refused as i64,
    }
}

/// Where a migration sees what the instance before kept: as its type has to lie, and gone when the migration is over.
pub struct Copied<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: only `migrate` uses it, which the kit calls once at a time.
unsafe impl<T: Plain> Sync for Copied<T> {}

impl<T: Plain> Copied<T> {
    pub const fn none() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }
}

/// Calls a migration: whether it has taken the object over.
///
/// # Safety
/// Only for the kit, with as many bytes as `T` has. `copy` is that of this migration alone.
pub unsafe fn migrate<T: Plain>(bytes: *const u8, copy: &'static Copied<T>, function: impl FnOnce(&T) -> bool) -> bool {
    let place = copy.0.get().cast::<T>();
    // SAFETY: nobody else has the copy; every sequence of bytes is a `T`.
    let taken = unsafe {
        ptr::copy_nonoverlapping(bytes, place.cast::<u8>(), size_of::<T>());
        function(&*place)
    };
    for index in 0..size_of::<T>() {
        // SAFETY: within the copy, to which nothing refers any more. Volatile: it has to happen although nobody reads it.
        unsafe { place.cast::<u8>().add(index).write_volatile(0) };
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_sees_the_bytes_wherever_they_lie_and_leaves_no_copy() {
        static COPY: Copied<[u32; 2]> = Copied::none();
        for (offset, answer) in [(0, true), (1, false), (3, true)] {
            let mut bytes = [0; 12];
            bytes[offset..][..4].copy_from_slice(&7u32.to_ne_bytes());
            bytes[offset + 4..][..4].copy_from_slice(&9u32.to_ne_bytes());
            let mut seen = [0; 2];
            // SAFETY: there are eight bytes, and this test alone has the copy.
            let taken = unsafe {
                migrate(bytes[offset..].as_ptr(), &COPY, |old: &[u32; 2]| {
                    seen = *old;
                    answer
                })
            };
            assert_eq!((taken, seen), (answer, [7, 9]));
            // SAFETY: written by `migrate`, which is over.
            assert_eq!(unsafe { *COPY.0.get().cast::<[u32; 2]>() }, [0; 2]);
        }
    }
}
