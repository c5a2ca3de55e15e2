//! What parsers use of memory: an allocator that counts for each thread, and refuses what goes beyond a bound.
//!
//! A test binary uses it by `#[global_allocator] static MEMORY: Counting = Counting;`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static BOUND: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// Bytes that this thread holds.
fn live() -> isize {
    LIVE.try_with(Cell::get).unwrap_or_default()
}

/// Whether so many bytes more are within the bound.
fn admits(more: usize) -> bool {
    // A panic is explained at length, whatever it costs.
    isize::try_from(more).is_ok_and(|more| live().saturating_add(more) <= BOUND.try_with(Cell::get).unwrap_or(isize::MAX)) || std::thread::panicking()
}

fn count(change: isize) {
    // Errors come at the end of a thread, when nobody looks any more.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

/// The system's allocator, counted.
pub struct Counting;

// SAFETY: all memory is the system allocator's; a null pointer says that there is none, as the trait allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !admits(layout.size()) {
            return std::ptr::null_mut();
        }
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !admits(layout.size()) {
            return std::ptr::null_mut();
        }
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() && !admits(size - layout.size()) {
            return std::ptr::null_mut();
        }
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The bound around a work, back in force when that ends in whatever way.
struct Outer(isize);

impl Drop for Outer {
    fn drop(&mut self) {
        BOUND.with(|limit| limit.set(self.0));
    }
}

/// Runs `work`, which may hold at most `bound` bytes more than there were: beyond it the process ends. Returns what it
/// returned and the most that it held.
///
/// # Panics
/// The test binary has another allocator.
pub fn bounded<T>(bound: usize, work: impl FnOnce() -> T) -> (T, usize) {
    // Not zero: a thread may have freed more than it allocated, what others gave to it.
    let before = live();
    PEAK.with(|peak| peak.set(before));
    drop(std::hint::black_box(vec![0u8; 64]));
    assert!(PEAK.with(Cell::get) >= before + 64, "this test binary has no counting allocator");
    PEAK.with(|peak| peak.set(before));
    let outer = Outer(BOUND.with(|limit| limit.replace(before.saturating_add(isize::try_from(bound).unwrap_or(isize::MAX)))));
    let result = work();
    drop(outer);
    (result, (PEAK.with(Cell::get) - before) as usize)
}
