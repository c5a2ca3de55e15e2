//! The region of untrusted memory that host and enclave share.

use authentic_wire::ring::{Consumer, Layout, PINS, PINS_AT, Producer, Ring};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

/// The shared region and its size. Unmapped when dropped, so it outlives the enclave and all ends of its rings.
pub struct Region {
    address: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the region is plain memory; its ends synchronize through atomics.
unsafe impl Send for Region {}

impl Region {
    /// Maps an empty region.
    ///
    /// # Errors
    /// No memory.
    pub fn map(layout: Layout) -> std::io::Result<Self> {
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice, initialized before anyone else sees it.
        let address = unsafe {
            let address = mmap_anonymous(null_mut(), layout.size(), ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?.cast::<u8>();
            layout.initialize(address);
            address
        };
        Ok(Self { address: NonNull::new(address).expect("mmap returns no null"), layout })
    }

    /// Start of the region.
    pub fn address(&self) -> *mut u8 {
        self.address.as_ptr()
    }

    /// Bytes of the region.
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    /// The host's three ends: control, events, out.
    ///
    /// # Safety
    /// Called once, and the region outlives the ends.
    pub unsafe fn host_ends(&self) -> (Producer, Producer, Consumer) {
        let address = self.address();
        // SAFETY: initialized by `map`; uniqueness and lifetime are the caller's promise.
        unsafe {
            (
                Producer::new(&self.layout, address, Ring::Control),
                Producer::new(&self.layout, address, Ring::Events),
                Consumer::new(&self.layout, address, Ring::Out),
            )
        }
    }

    /// The enclave's three ends: control, events, out. For enclaves that run in this process as Rust code.
    ///
    /// # Safety
    /// As for [`Region::host_ends`].
    pub unsafe fn enclave_ends(&self) -> (Consumer, Consumer, Producer) {
        let address = self.address();
        // SAFETY: as for `host_ends`.
        unsafe {
            (
                Consumer::new(&self.layout, address, Ring::Control),
                Consumer::new(&self.layout, address, Ring::Events),
                Producer::new(&self.layout, address, Ring::Out),
            )
        }
    }

    /// Sets what the device with this endpoint shows. Returns false where there is no such pin.
    pub fn set_pin(&self, endpoint: u16, value: u32) -> bool {
        let index = usize::from(endpoint);
        if index >= PINS {
            return false;
        }
        // SAFETY: within the first page and aligned; the enclave only reads it.
        let pin = unsafe { &*self.address().add(PINS_AT + 4 * index).cast::<AtomicU32>() };
        pin.store(value, Ordering::Release);
        true
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this size; users of the region are gone by its contract.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), self.size()) };
    }
}
