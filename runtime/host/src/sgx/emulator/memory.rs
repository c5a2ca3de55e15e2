//! Memory of an emulated enclave: a reserved range of addresses, aligned as ELRANGE is. Pages that are not executable
//! lie in secret memory, which the kernel itself has no mapping of; code, which is not secret, cannot.

use crate::sgx::SgxError;
use authentic_sgx::{Layout, PAGE, Page};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;

/// A range of addresses. It is never given back: the processor's state refers to it.
pub struct Memory {
    base: u64,
    size: u64,
}

/// An anonymous file in secret memory (memfd_secret, Linux 5.14).
fn secret_file(size: u64) -> Result<OwnedFd, SgxError> {
    // SAFETY: a system call without pointers; its result is a descriptor that nobody else owns.
    let file = unsafe {
        match libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) {
            -1 => return Err(SgxError::NoSecretMemory(io::Error::last_os_error())),
            descriptor => OwnedFd::from_raw_fd(descriptor as i32),
        }
    };
    rustix::fs::ftruncate(&file, size).map_err(|error| SgxError::System(error.into()))?;
    Ok(file)
}

/// Secret memory counts as locked; the soft limit may be lower than what the user may have.
fn raise_lock_limit() {
    let mut limit = getrlimit(Resource::Memlock);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Memlock, limit);
}

/// A stack in secret memory that is never unmapped.
///
/// # Errors
/// No secret memory.
pub fn secret_stack(size: usize) -> Result<*mut u8, SgxError> {
    let file = secret_file(size as u64)?;
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let address = unsafe { mmap(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file.as_fd(), 0) };
    address.map(|address| address.cast()).map_err(|error| SgxError::SecretMemory { pages: size / PAGE, error: error.into() })
}

impl Memory {
    /// Reserves an aligned range, with one page behind it for the host's code.
    ///
    /// # Errors
    /// No addresses.
    pub fn reserve(size: u64) -> Result<Self, SgxError> {
        // SAFETY: a fresh mapping without access at an address of the kernel's choice.
        let reserved = unsafe { mmap_anonymous(null_mut(), 2 * size as usize + PAGE, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE) };
        let reserved = reserved.map_err(|error| SgxError::System(error.into()))?;
        Ok(Self { base: (reserved as u64).next_multiple_of(size), size })
    }

    /// First address.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The page behind the range.
    pub fn behind(&self) -> u64 {
        self.base + self.size
    }

    /// EADD of all pages, with their permissions.
    ///
    /// # Errors
    /// No memory, or no secret memory.
    pub fn fill(&self, layout: &Layout) -> Result<(), SgxError> {
        raise_lock_limit();
        let file = secret_file(self.size)?;
        for run in layout.pages.chunk_by(|a, b| a.permissions == b.permissions && a.offset + PAGE as u64 == b.offset) {
            self.add(run, &file)?;
        }
        Ok(())
    }

    /// Adds pages that follow each other and have the same permissions.
    fn add(&self, pages: &[Page], file: &OwnedFd) -> Result<(), SgxError> {
        let [first, ..] = pages else { return Ok(()) };
        let (address, size) = ((self.base + first.offset) as *mut u8, pages.len() * PAGE);
        let Some(permissions) = first.permissions else {
            // The TCS: the processor keeps its state elsewhere, and nobody else may look at it.
            return Ok(());
        };
        let writing = ProtFlags::READ | ProtFlags::WRITE;
        if permissions.execute {
            // SAFETY: within the range that `reserve` made, which nothing refers to yet.
            unsafe { mmap_anonymous(address.cast(), size, writing, MapFlags::PRIVATE | MapFlags::FIXED) }.map_err(|error| SgxError::System(error.into()))?;
        } else {
            // SAFETY: as above.
            unsafe { mmap(address.cast(), size, writing, MapFlags::SHARED | MapFlags::FIXED, file.as_fd(), first.offset) }
                .map_err(|error| SgxError::SecretMemory { pages: pages.len(), error: error.into() })?;
        }
        for (index, page) in pages.iter().enumerate() {
            // SAFETY: just mapped for writing.
            unsafe { std::ptr::copy_nonoverlapping(page.bytes.as_ptr(), address.add(index * PAGE), PAGE) };
        }
        let mut access = MprotectFlags::READ;
        access.set(MprotectFlags::WRITE, permissions.write);
        access.set(MprotectFlags::EXEC, permissions.execute);
        // SAFETY: as above.
        unsafe { mprotect(address.cast(), size, access) }.map_err(|error| SgxError::System(error.into()))
    }

    /// Replaces all of it with inaccessible memory; the old pages, with what was in them, are gone.
    pub fn erase(&self) {
        // SAFETY: the range was made by `reserve`, and the enclave in it is never entered again.
        let fresh =
            unsafe { mmap_anonymous(self.base as *mut _, self.size as usize, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED) };
        if fresh.is_err() {
            // Without memory for the replacement the keys still must not stay.
            std::process::abort();
        }
    }
}
