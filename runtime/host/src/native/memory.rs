//! Memory of a native module: its image and its stacks, each between guard pages.

use super::LoadError;
use super::elf::Image;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::ptr::null_mut;

const GUARD: usize = 64 * 1024;

/// A reserved range with inaccessible guards before and behind it.
pub struct Mapping {
    reserved: *mut u8,
    reserved_size: usize,
    size: usize,
}

impl Mapping {
    /// Reserves `size` bytes, a multiple of the page, without access.
    fn reserve(size: usize) -> Result<Self, LoadError> {
        let reserved_size = size + 2 * GUARD;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let reserved = unsafe { mmap_anonymous(null_mut(), reserved_size, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE) }
            .map_err(|error| LoadError::Memory(error.into()))?;
        Ok(Self { reserved: reserved.cast(), reserved_size, size })
    }

    /// A stack of `size` bytes.
    ///
    /// # Errors
    /// No memory.
    pub fn stack(size: usize) -> Result<Self, LoadError> {
        let stack = Self::reserve(size)?;
        stack.protect(0, size, MprotectFlags::READ | MprotectFlags::WRITE)?;
        Ok(stack)
    }

    /// The image's segments with their bytes and permissions.
    ///
    /// # Errors
    /// No memory.
    pub fn image(image: &Image, file: &[u8]) -> Result<Self, LoadError> {
        let mapping = Self::reserve(image.span)?;
        for segment in &image.segments {
            mapping.protect(segment.address, segment.size, MprotectFlags::READ | MprotectFlags::WRITE)?;
            let bytes = &file[segment.file.clone()];
            // SAFETY: the image was checked: the segment lies within the span and has room for its bytes in the file.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), mapping.base().add(segment.address), bytes.len()) };
            let mut access = MprotectFlags::READ;
            access.set(MprotectFlags::WRITE, segment.writable);
            access.set(MprotectFlags::EXEC, segment.executable);
            mapping.protect(segment.address, segment.size, access)?;
        }
        Ok(mapping)
    }

    fn protect(&self, offset: usize, size: usize, access: MprotectFlags) -> Result<(), LoadError> {
        // SAFETY: the range lies within this mapping, whose memory nothing in Rust refers to.
        unsafe { mprotect(self.base().add(offset).cast(), size, access) }.map_err(|error| LoadError::Memory(error.into()))
    }

    /// First byte after the guard.
    pub fn base(&self) -> *mut u8 {
        // SAFETY: the reservation is larger than the guard.
        unsafe { self.reserved.add(GUARD) }
    }

    /// First byte behind the range.
    pub fn end(&self) -> usize {
        self.base() as usize + self.size
    }

    /// Replaces all of it with inaccessible memory; the old pages, with what was in them, are gone.
    pub fn erase(&self) {
        // SAFETY: the range lies within this mapping, and the module that used it is never entered again.
        let fresh = unsafe { mmap_anonymous(self.base().cast(), self.size, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED) };
        if fresh.is_err() {
            // Without memory for the replacement the keys still must not stay.
            std::process::abort();
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: reserved by `reserve`; nothing refers to it any more.
        let _ = unsafe { munmap(self.reserved.cast(), self.reserved_size) };
    }
}
