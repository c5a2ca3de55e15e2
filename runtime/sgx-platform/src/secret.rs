//! Memory for keys: pages that the kernel itself does not map (`memfd_secret`), or, where the system has none, locked
//! pages that no core dump contains.

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use zeroize::Zeroize;

const LENGTH: usize = 4096;

/// One page of secrets, erased when it is dropped.
pub struct SecretPage {
    address: *mut c_void,
    /// Which kind of memory it is, for the log.
    pub kind: &'static str,
}

// SAFETY: the page belongs to this value alone, and is changed through `&mut` only.
unsafe impl Send for SecretPage {}
// SAFETY: as above; `&SecretPage` gives read access alone.
unsafe impl Sync for SecretPage {}

impl SecretPage {
    /// A page of zeros.
    ///
    /// # Errors
    /// The limit of locked memory is too low.
    pub fn new() -> io::Result<Self> {
        match secret_file() {
            Ok(file) => {
                rustix::fs::ftruncate(&file, LENGTH as u64)?;
                // SAFETY: a new mapping at an address of the kernel's choice; nothing else refers to it.
                let address = unsafe { mmap(std::ptr::null_mut(), LENGTH, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0) }?;
                Ok(Self { address, kind: "memfd_secret" })
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                // SAFETY: as above.
                let address = unsafe { mmap_anonymous(std::ptr::null_mut(), LENGTH, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }?;
                let page = Self { address, kind: "mlock" };
                // SAFETY: the range is the mapping just made.
                unsafe { mlock(address, LENGTH) }?;
                // SAFETY: as above; the advice changes no content.
                unsafe { madvise(address, LENGTH, Advice::LinuxDontDump) }?;
                Ok(page)
            }
            Err(error) => Err(error),
        }
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable, has this length, and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.address.cast(), LENGTH) }
    }

    /// Its content.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, writable, and borrowed mutably with `self`.
        unsafe { std::slice::from_raw_parts_mut(self.address.cast(), LENGTH) }
    }
}

impl Drop for SecretPage {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the mapping is this value's own, and nothing borrows it any more.
        let _ = unsafe { munmap(self.address, LENGTH) };
    }
}

fn secret_file() -> io::Result<OwnedFd> {
    // SAFETY: the call takes one flag and returns a new descriptor or an error.
    let descriptor = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made the descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn keeps_what_is_written() {
        let mut page = SecretPage::new().unwrap();
        page.bytes_mut()[..5].copy_from_slice(b"a key");
        assert_eq!(&page.bytes()[..6], b"a key\0");
        assert_eq!(page.bytes().len(), LENGTH);
        // Secret pages cannot be read through the kernel, not even by this process itself.
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let read = std::os::unix::fs::FileExt::read_at(&memory, &mut [0; 5], page.address as u64);
        assert_eq!(read.is_ok(), page.kind == "mlock");
    }
}
