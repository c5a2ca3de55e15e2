//! Loads an enclave through `/dev/sgx_enclave`: create, add and measure all pages, initialize, then give each its
//! permissions.

use super::abi::{ADD_PAGES, AddPages, CREATE, Create, INIT, Init, PAGE_MEASURE, SecInfo};
use crate::sgx::{EnclaveImage, SgxError};
use authentic_sgx::PAGE;
use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;

const PATH: &str = "/dev/sgx_enclave";

/// What is asked of the kernel. Tests put a record of it in its place.
pub trait Device {
    /// An ioctl of the enclave's file.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Safety
    /// `argument` points to the structure that `request` takes, and what is in it to what it says.
    unsafe fn ioctl(&mut self, request: u32, argument: *mut c_void) -> io::Result<()>;

    /// Maps the enclave's file at `base`, without access.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Safety
    /// The range is reserved for this enclave.
    unsafe fn map(&mut self, base: u64, size: u64) -> io::Result<()>;

    /// Sets what the process may do with pages.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// # Safety
    /// The range is part of what was mapped.
    unsafe fn protect(&mut self, address: u64, size: u64, access: MprotectFlags) -> io::Result<()>;
}

/// The driver.
pub struct Driver(OwnedFd);

impl Driver {
    /// Opens the driver's device: one file is one enclave.
    ///
    /// # Errors
    /// There is none, or this user may not open it.
    pub fn open() -> Result<Self, SgxError> {
        rustix::fs::open(PATH, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map(Self).map_err(|error| SgxError::Device(error.into()))
    }
}

impl Device for Driver {
    unsafe fn ioctl(&mut self, request: u32, argument: *mut c_void) -> io::Result<()> {
        // SAFETY: the caller's promise.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), request as _, argument) } {
            0 => Ok(()),
            -1 => Err(io::Error::last_os_error()),
            code => Err(io::Error::other(format!("EINIT refuses with {code}"))),
        }
    }

    unsafe fn map(&mut self, base: u64, size: u64) -> io::Result<()> {
        // SAFETY: the caller's promise.
        let mapped = unsafe { mmap(base as *mut c_void, size as usize, ProtFlags::empty(), MapFlags::SHARED | MapFlags::FIXED, &self.0, 0) };
        mapped.map(|_| ()).map_err(Into::into)
    }

    unsafe fn protect(&mut self, address: u64, size: u64, access: MprotectFlags) -> io::Result<()> {
        // SAFETY: the caller's promise.
        unsafe { mprotect(address as *mut c_void, size as usize, access) }.map_err(Into::into)
    }
}

/// A loaded enclave.
pub struct Enclave<D> {
    base: u64,
    size: u64,
    tcs_offset: u64,
    /// Its file: the enclave lives as long as this, or a mapping of it.
    pub device: D,
}

/// Content of pages as the driver takes it: aligned, in memory that could be executed, which ordinary memory is.
struct Source {
    address: *mut c_void,
    size: usize,
}

impl Source {
    fn map(size: usize) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let address = unsafe { mmap_anonymous(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)? };
        Ok(Self { address, size })
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped for reading and writing with this size, and borrowed like this alone.
        unsafe { std::slice::from_raw_parts_mut(self.address.cast(), self.size) }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`; the borrow of its bytes has ended.
        let _ = unsafe { munmap(self.address, self.size) };
    }
}

fn refused(step: &'static str) -> impl Fn(io::Error) -> SgxError {
    move |error| SgxError::Driver { step, error }
}

/// Loads `image`.
///
/// # Errors
/// The driver refuses a step.
pub fn load<D: Device>(mut device: D, image: &EnclaveImage) -> Result<Enclave<D>, SgxError> {
    let size = image.layout.size;
    // SAFETY: a fresh mapping without access at an address of the kernel's choice.
    let reserved = unsafe { mmap_anonymous(null_mut(), 2 * size as usize, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE) };
    let base = (reserved.map_err(io::Error::from)? as u64).next_multiple_of(size);
    let mut secs = Source::map(PAGE)?;
    secs.bytes().copy_from_slice(&image.secs(base).to_page()[..]);
    let mut create = Create { src: secs.address as u64 };
    // SAFETY: the structure and the page it names live until the call returns; so below.
    unsafe { device.ioctl(CREATE, (&raw mut create).cast()) }.map_err(refused("ECREATE"))?;
    let runs = || image.layout.pages.chunk_by(|a, b| a.flags() == b.flags() && a.offset + PAGE as u64 == b.offset);
    for pages in runs() {
        let mut source = Source::map(pages.len() * PAGE)?;
        for (page, to) in pages.iter().zip(source.bytes().chunks_exact_mut(PAGE)) {
            to.copy_from_slice(&page.bytes[..]);
        }
        add(&mut device, &source, pages[0].offset, pages[0].flags())?;
    }
    let mut sigstruct = Source::map(PAGE)?;
    sigstruct.bytes()[..image.sigstruct.as_bytes().len()].copy_from_slice(image.sigstruct.as_bytes());
    let mut init = Init { sigstruct: sigstruct.address as u64 };
    // SAFETY: as above.
    unsafe { device.ioctl(INIT, (&raw mut init).cast()) }.map_err(refused("EINIT"))?;
    // SAFETY: the range lies in what was reserved, and nothing refers to it.
    unsafe { device.map(base, size) }.map_err(refused("mmap"))?;
    for pages in runs() {
        let access = match pages[0].permissions {
            // The processor works on the TCS through this mapping; its own permissions keep everyone else out.
            None => MprotectFlags::READ | MprotectFlags::WRITE,
            Some(permissions) => {
                let mut access = MprotectFlags::empty();
                access.set(MprotectFlags::READ, permissions.read);
                access.set(MprotectFlags::WRITE, permissions.write);
                access.set(MprotectFlags::EXEC, permissions.execute);
                access
            }
        };
        // SAFETY: part of the range that was just mapped.
        unsafe { device.protect(base + pages[0].offset, (pages.len() * PAGE) as u64, access) }.map_err(refused("mprotect"))?;
    }
    Ok(Enclave { base, size, tcs_offset: image.layout.tcs_offset, device })
}

/// The driver may add fewer pages than it was asked for, when a signal comes.
fn add(device: &mut impl Device, source: &Source, offset: u64, flags: u64) -> Result<(), SgxError> {
    let secinfo = SecInfo { flags, reserved: [0; 56] };
    let mut done = 0;
    while done < source.size as u64 {
        let mut request = AddPages {
            src: source.address as u64 + done,
            offset: offset + done,
            length: source.size as u64 - done,
            secinfo: &raw const secinfo as u64,
            flags: PAGE_MEASURE,
            count: 0,
        };
        // SAFETY: as in `load`.
        let result = unsafe { device.ioctl(ADD_PAGES, (&raw mut request).cast()) };
        match result {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(refused("EADD")(error)),
            Ok(()) if request.count == 0 => return Err(refused("EADD")(io::Error::other("no page was added"))),
            _ => done += request.count.min(source.size as u64 - done),
        }
    }
    Ok(())
}

impl<D> Enclave<D> {
    /// First address.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Bytes of its range of addresses.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Address of the TCS.
    pub fn tcs(&self) -> u64 {
        self.base + self.tcs_offset
    }

    /// Takes its pages out of the process: they cannot be read or entered any more.
    pub fn erase(&mut self) {
        // SAFETY: the range was reserved by `load`, and the enclave in it is never entered again.
        let fresh = unsafe {
            mmap_anonymous(self.base as *mut c_void, self.size as usize, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED)
        };
        if fresh.is_err() {
            std::process::abort();
        }
    }
}
