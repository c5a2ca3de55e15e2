//! What the compiler calls to see whether bytes are the same. The kit has the other functions that it calls.

/// Zero where `length` bytes at `a` and `b` are the same.
///
/// # Safety
/// Both are readable for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    // SAFETY: the caller's promise is what `memcmp` asks for.
    unsafe { memcmp(a, b, length) }
}

unsafe extern "C" {
    fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32;
}
