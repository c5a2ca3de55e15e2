//! Spares the enclave's exits a signal: once the enclave is measured, `mov $4, %eax; enclu` becomes a jump to code of the
//! host that does what EEXIT does. What was measured and signed is the image as it came.

use super::entry::CONTEXT;
use super::memory::Memory;
use crate::sgx::SgxError;
use authentic_sgx::{Layout, PAGE};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

/// `mov $4, %eax; enclu`
const EXIT: [u8; 8] = [0xb8, 4, 0, 0, 0, 0x0f, 0x01, 0xd7];
const JUMP: usize = 5;

/// `movabs $CONTEXT, %rax; movl $0, (%rax); mov 8(%rax), %rcx; mov $4, %eax; jmp *%rbx`: out of enclave mode, RCX is the
/// AEP, and on to the address in RBX.
fn leave() -> Vec<u8> {
    let mut code = vec![0x48, 0xb8];
    code.extend_from_slice(&(&raw const CONTEXT as u64).to_le_bytes());
    code.extend_from_slice(&[0xc7, 0x00, 0, 0, 0, 0, 0x48, 0x8b, 0x48, 0x08, 0xb8, 4, 0, 0, 0, 0xff, 0xe3]);
    code
}

/// Offsets of exits, in pages that are executable and follow each other.
fn find(layout: &Layout) -> Vec<u64> {
    let mut found = Vec::new();
    let executable = |page: &&authentic_sgx::Page| page.permissions.is_some_and(|permissions| permissions.execute);
    let code: Vec<_> = layout.pages.iter().filter(executable).collect();
    for run in code.chunk_by(|a, b| a.offset + PAGE as u64 == b.offset) {
        let bytes: Vec<u8> = run.iter().flat_map(|page| page.bytes.iter().copied()).collect();
        let start = run.first().map_or(0, |page| page.offset);
        found.extend(bytes.windows(EXIT.len()).enumerate().filter(|(_, window)| **window == EXIT).map(|(at, _)| start + at as u64));
    }
    found
}

/// Patches the enclave's exit. Where the bytes are there more than once, some may be something else: then all stay.
///
/// # Errors
/// No memory.
pub fn exits(memory: &Memory, layout: &Layout) -> Result<(), SgxError> {
    let system = |error: rustix::io::Errno| SgxError::System(error.into());
    let [exit] = find(layout)[..] else { return Ok(()) };
    let (target, code, address) = (memory.behind(), leave(), memory.base() + exit);
    let page = address - address % PAGE as u64;
    let length = (address + JUMP as u64 - page).next_multiple_of(PAGE as u64) as usize;
    // SAFETY: the page behind the enclave is reserved for this; the exit lies in pages of the enclave, which is not yet
    // entered, and five bytes of it are replaced by a jump of five bytes.
    unsafe {
        mmap_anonymous(target as *mut _, PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED).map_err(system)?;
        std::ptr::copy_nonoverlapping(code.as_ptr(), target as *mut u8, code.len());
        mprotect(target as *mut _, PAGE, MprotectFlags::READ | MprotectFlags::EXEC).map_err(system)?;
        mprotect(page as *mut _, length, MprotectFlags::READ | MprotectFlags::WRITE).map_err(system)?;
        let distance = (target - (address + JUMP as u64)) as u32;
        (address as *mut u8).write(0xe9);
        ((address + 1) as *mut u32).write_unaligned(distance);
        mprotect(page as *mut _, length, MprotectFlags::READ | MprotectFlags::EXEC).map_err(system)
    }
}
