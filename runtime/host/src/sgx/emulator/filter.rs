//! A filter of system calls by instruction pointer (seccomp): inside an enclave, SYSCALL and INT raise #UD. The kernel
//! runs it for every call of the process; without it the enclave would not be loaded.

use crate::sgx::SgxError;
use std::io;
use std::mem::offset_of;

/// Offset of the address behind the instruction that called.
const POINTER: u32 = offset_of!(libc::seccomp_data, instruction_pointer) as u32;

const fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

const fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// Traps calls from `base < pointer <= base + size`: the pointer is behind the instruction. The range has a size that
/// is a power of two and begins at a multiple of it, so that `pointer - 1` is in it if its upper bits are those of `base`.
fn program(base: u64, size: u64) -> [libc::sock_filter; 12] {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let (high, low, mask) = ((base >> 32) as u32, base as u32, !(size as u32).wrapping_sub(1));
    [
        // Low word 0: `pointer - 1` borrows from the high word, and can only be the end of a range below 4 GiB's multiple.
        statement(load, POINTER),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 5, 0),
        statement(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_K, 1),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, low, 0, 6),
        statement(load, POINTER + 4),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, high, 3, 4),
        // The end of a range that ends at a multiple of 4 GiB.
        statement(load, POINTER + 4),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, high.wrapping_add(1), 0, 2),
        jump(libc::BPF_JMP | libc::BPF_JA, if low.wrapping_add(size as u32) == 0 { 0 } else { 1 }, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_TRAP),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ]
}

/// Installs the filter for all threads of the process.
///
/// # Errors
/// The kernel has no filters, or refuses this one.
pub fn install(base: u64, size: u64) -> Result<(), SgxError> {
    rustix::thread::set_no_new_privs(true).map_err(|error| SgxError::System(error.into()))?;
    let mut filter = program(base, size);
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives until the call returns; the kernel copies it.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC, &program) };
    if result == 0 { Ok(()) } else { Err(io::Error::other(format!("a system call filter (seccomp): {}", io::Error::last_os_error())).into()) }
}

#[cfg(test)]
mod tests {
    use super::program;

    /// What the kernel would do with a call whose instruction ends at `pointer`: true traps.
    fn traps(program: &[libc::sock_filter], pointer: u64) -> bool {
        let (mut at, mut a) = (0, 0u32);
        loop {
            let libc::sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => a = if k == 8 { pointer as u32 } else { (pointer >> 32) as u32 },
                code if code == libc::BPF_ALU | libc::BPF_SUB | libc::BPF_K => a = a.wrapping_sub(k),
                code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => a &= k,
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => at += usize::from(if a == k { jt } else { jf }),
                code if code == libc::BPF_JMP | libc::BPF_JA => at += k as usize,
                _ => return k == libc::SECCOMP_RET_TRAP,
            }
        }
    }

    #[test]
    fn calls_from_the_enclave_are_trapped_and_no_others() {
        let size = 0x20_0000;
        for base in [0x7f12_3440_0000u64, 0x7f12_ffe0_0000, 0x7f12_0000_0000] {
            let program = program(base, size);
            for (pointer, expected) in [
                (base, false),
                (base + 1, true),
                (base + 2, true),
                (base + size / 2, true),
                (base + size - 1, true),
                (base + size, true),
                (base + size + 1, false),
                (base - 1, false),
                (base + (1 << 32) + 2, false),
                (base - (1 << 32) + 2, false),
                (base + (1 << 32) + size, false),
                (2, false),
            ] {
                assert_eq!(traps(&program, pointer), expected, "{base:#x}: {pointer:#x}");
            }
        }
    }
}
