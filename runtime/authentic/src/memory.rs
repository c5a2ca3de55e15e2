//! Objects of static storage. A module is one thread whose functions never interrupt each other, so that nothing has to wait
//! for them; only a nested access to the same object would be wrong, and panics.
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A variable that lives as long as the instance.
///
/// ```
/// static CALLS: Local<u64> = Local::new(0);
/// CALLS.with(|calls| *calls += 1);
/// ```
pub struct Local<T> {
    borrowed: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` gives the value to one borrower at a time, whatever thread that is.
unsafe impl<T: Send> Sync for Local<T> {}

impl<T> Local<T> {
    pub const fn new(value: T) -> Self {
        Self { borrowed: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Lends the value to `work`.
    ///
    /// # Panics
    /// Inside of `with` of the same object.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        assert!(!self.borrowed.swap(true, Ordering::Acquire), "authentic: the object is in use further up");
        // SAFETY: nobody else has it, or `borrowed` had been true. A panic does not come back.
        let answer = work(unsafe { &mut *self.value.get() });
        self.borrowed.store(false, Ordering::Release);
        answer
    }

    /// A copy of the value.
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        self.with(|old| *old = value);
    }

    /// Where the value is, for the kit.
    #[doc(hidden)]
    pub const fn pointer(&self) -> *mut T {
        self.value.get()
    }
}

/// An object that moves along when the module is updated or migrated; declared with [`state`](macro@crate::state).
pub struct State<T: Plain>(Local<T>);

impl<T: Plain> State<T> {
    pub const fn new(value: T) -> Self {
        Self(Local::new(value))
    }

    #[doc(hidden)]
    pub const fn pointer(&self) -> *mut T {
        self.0.pointer()
    }
}

impl<T: Plain> core::ops::Deref for State<T> {
    type Target = Local<T>;

    fn deref(&self) -> &Local<T> {
        &self.0
    }
}

/// State of the instance before that is forgotten; declared with [`drop`](macro@crate::drop).
pub struct Dropped(());

impl Dropped {
    #[doc(hidden)]
    pub const NOTHING: Self = Self(());
}

/// A type whose objects can be carried to another module byte by byte. `#[derive(Plain)]` implements it for a `#[repr(C)]`
/// struct of such fields.
///
/// # Safety
/// Every sequence of bytes is a value, its layout does not depend on the compiler, and it contains no pointers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be carried from one module to the next as bytes",
    note = "integers, floating-point numbers, arrays of these, and `#[derive(Plain)] #[repr(C)]` structs can; for yes and no use a `u8`"
)]
pub unsafe trait Plain: Copy + Send + 'static {}

macro_rules! plain {
    ($($type:ty),*) => {
        $(
            // SAFETY: every sequence of bytes is such a number.
            unsafe impl Plain for $type {}
        )*
    };
}
plain!(u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, f32, f64, ());

// SAFETY: elements lie one after another.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn an_object_is_lent_changed_copied_and_replaced() {
        let object = Local::new(3u32);
        assert_eq!(
            object.with(|value| {
                *value += 1;
                *value
            }),
            4
        );
        object.set(9);
        assert_eq!(object.get(), 9);
    }

    #[test]
    fn a_nested_access_panics_instead_of_giving_the_object_twice() {
        let object = Local::new(0u32);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| object.with(|_| object.get())));
        assert!(outcome.is_err());
    }
}
