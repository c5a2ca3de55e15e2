//! Enclaves of one page of code, as the loader expects them: what they do is chosen when they are entered.

use crate::sigstruct::sign;
use authentic_sgx::{Layout, Measurement, Permissions, Segment, SigStruct};
use std::arch::global_asm;

const PAGE: usize = 4096;
const CODE: usize = 0x1000;
/// Offset of the data.
pub const DATA: usize = 0x3000;
const STACK: usize = 0x7000;
const SSA: usize = 0x8000;
/// Offset of the TCS.
pub const TCS: usize = 0xA000;
/// Bytes of the range of addresses.
pub const SIZE: u64 = 0x1_0000;
/// A page that does not exist, below the stack.
pub const GAP: usize = 0x6000;

/// What the enclave does when it is entered with this number as the reason, or to run (reason 1) when it was built so.
/// With a frame in the SSA, reason 2 returns 4, [`Action::UndefinedInstruction`] faults once more, all else returns 80.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Action {
    /// Returns the size that it was entered with.
    Return = 16,
    /// `ud2`
    UndefinedInstruction,
    /// Writes address 8.
    NullWrite,
    /// Divides by zero.
    Divide,
    /// Pushes for ever.
    StackOverflow,
    /// Loops for ever.
    Loop,
    /// `getpid` by SYSCALL.
    SystemCall,
    /// ENCLU: RAX, and offsets for RBX, RCX, RDX from the region; RAX and RFLAGS go to 32 and 40 of it.
    Enclu,
    /// Copies from the offset at 0 of the region, as many bytes as at 8, to 64 of it.
    CopyOut,
    /// The other way.
    CopyIn,
    /// Leaves with an EEXIT that looks unlike others.
    OtherExit,
    /// Puts the size times a constant into its data, and returns where.
    KeepSecret,
    /// Waits until the region's first word is not zero; returns 7 if its registers are what they were.
    Wait,
    /// Jumps into the gap.
    Jump,
    /// Sets the direction, alignment and trap flags, and faults.
    Flags,
    /// Returns MXCSR, the x87 control word above it, and the direction flag above that.
    Controls,
    /// `getpid` by INT 0x80.
    Interrupt,
}

/// What [`Action::KeepSecret`] multiplies with.
pub const SECRET: u64 = 0x9E37_79B9_7F4A_7C15;

global_asm!(
    ".balign 16",
    "authentic_test_enclave:",
    "cld",
    "mov r15, rsp",
    "mov r14, rcx",
    "mov r13, rbp",
    "lea rbp, [rip + authentic_test_enclave]",
    "sub rbp, {code}",
    "test rax, rax",
    "jne 70f",
    "lea rsp, [rbp + {ssa}]",
    "mov rax, rdi",
    "cmp rax, 1",
    "jne 1f",
    "mov rax, [rbp + {data}]",
    "1: cmp rax, 16; je 16f",
    "cmp rax, 17; je 17f",
    "cmp rax, 18; je 18f",
    "cmp rax, 19; je 19f",
    "cmp rax, 20; je 20f",
    "cmp rax, 21; je 21f",
    "cmp rax, 22; je 22f",
    "cmp rax, 23; je 23f",
    "cmp rax, 24; je 24f",
    "cmp rax, 25; je 25f",
    "cmp rax, 26; je 26f",
    "cmp rax, 27; je 27f",
    "cmp rax, 28; je 28f",
    "cmp rax, 29; je 29f",
    "cmp rax, 30; je 30f",
    "cmp rax, 31; je 31f",
    "cmp rax, 32; je 32f",
    "xor eax, eax",
    "90: mov rdi, rax",
    "mov rbx, r14",
    "mov rsp, r15",
    "mov rbp, r13",
    "mov eax, 4",
    ".byte 0x0f, 0x01, 0xd7",
    "16: mov rax, rdx; jmp 90b",
    "17: ud2",
    "18: mov dword ptr [8], 1",
    "19: xor ecx, ecx; xor edx, edx; div ecx",
    "20: push rax; jmp 20b",
    "21: jmp 21b",
    "22: mov eax, 39; syscall; jmp 90b",
    "23: mov r12, rsi",
    "mov rax, [r12]",
    "mov rbx, [r12 + 8]; add rbx, rbp",
    "mov rcx, [r12 + 16]; add rcx, rbp",
    "mov rdx, [r12 + 24]; add rdx, rbp",
    ".byte 0x0f, 0x01, 0xd7",
    "mov [r12 + 32], rax",
    "pushfq; pop rax; mov [r12 + 40], rax",
    "xor eax, eax; jmp 90b",
    "24: mov rcx, [rsi + 8]; lea rdi, [rsi + 64]; mov rsi, [rsi]; add rsi, rbp; rep movsb; xor eax, eax; jmp 90b",
    "25: mov rcx, [rsi + 8]; mov rdi, [rsi]; add rdi, rbp; lea rsi, [rsi + 64]; rep movsb; xor eax, eax; jmp 90b",
    "26: mov rdi, 26; mov rbx, r14; mov rsp, r15; mov rbp, r13; push 4; pop rax; .byte 0x0f, 0x01, 0xd7",
    "27: mov rax, {secret}; imul rax, rdx; mov [rbp + {data} + 0x100], rax; lea rax, [rbp + {data} + 0x100]; jmp 90b",
    "28: vpcmpeqd ymm5, ymm5, ymm5; mov r12, 0x123456789abcdef; stc",
    "2: cmp dword ptr [rsi], 0; je 2b",
    "vpcmpeqd ymm6, ymm6, ymm6; vpxor ymm6, ymm6, ymm5; vptest ymm6, ymm6; jne 3f",
    "mov rax, 0x123456789abcdef; cmp rax, r12; jne 3f",
    "mov eax, 7; jmp 90b",
    "3: mov eax, 8; jmp 90b",
    "29: lea rax, [rbp + {gap}]; jmp rax",
    "30: std; pushfq; or dword ptr [rsp], 0x40000; popfq; ud2",
    "31: stmxcsr [rsp - 8]; fnstcw [rsp - 4]; mov eax, [rsp - 8]; mov ecx, [rsp - 4]; and ecx, 0xffff; shl rcx, 32; or rax, rcx",
    "pushfq; pop rcx; and ecx, 0x400; shl rcx, 40; or rax, rcx; jmp 90b",
    "32: mov eax, 20; int 0x80; jmp 90b",
    "70: cmp rdi, 17; je 17b",
    "mov eax, 80",
    "cmp rdi, 2; jne 90b",
    "mov eax, 4; jmp 90b",
    "authentic_test_enclave_end:",
    code = const CODE,
    data = const DATA,
    gap = const GAP,
    ssa = const SSA,
    secret = const SECRET as i64,
);

unsafe extern "C" {
    static authentic_test_enclave: u8;
    static authentic_test_enclave_end: u8;
}

fn code() -> &'static [u8] {
    let (start, end) = (&raw const authentic_test_enclave, &raw const authentic_test_enclave_end);
    // SAFETY: the assembler code between the two labels.
    unsafe { std::slice::from_raw_parts(start, end as usize - start as usize) }
}

/// Segments: offset, size, bytes, ELF flags. Page 0 has the file's headers.
fn segments(run: Action) -> Vec<(usize, usize, Vec<u8>, u32)> {
    let mut tcs = vec![0; PAGE];
    tcs[16..24].copy_from_slice(&(SSA as u64).to_le_bytes());
    tcs[28..32].copy_from_slice(&2u32.to_le_bytes());
    tcs[32..40].copy_from_slice(&(CODE as u64).to_le_bytes());
    vec![
        (CODE, code().len(), code().to_vec(), 5),
        (DATA, 2 * PAGE, (run as u64).to_le_bytes().to_vec(), 6),
        (STACK, PAGE, Vec::new(), 6),
        (SSA, 2 * PAGE, Vec::new(), 6),
        (TCS, PAGE, tcs, 4),
    ]
}

/// MRENCLAVE of the enclave with this action for reason 1.
pub fn measure(run: Action) -> [u8; 32] {
    let parts = segments(run);
    let segments: Vec<Segment<'_>> = parts
        .iter()
        .map(|(offset, size, bytes, flags)| Segment {
            offset: *offset as u64,
            size: *size as u64,
            bytes,
            permissions: Permissions { read: true, write: flags & 2 != 0, execute: flags & 1 != 0 },
        })
        .collect();
    Measurement::of(&Layout::new(&segments).expect("a good layout"))
}

/// The ELF file.
pub fn elf(run: Action) -> Vec<u8> {
    let parts = segments(run);
    let mut file = vec![0; 64 + 56 * parts.len()];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    for (at, value) in [(16, 3u16), (18, 62), (52, 64), (54, 56), (56, parts.len() as u16)] {
        put(&mut file, at, &value.to_le_bytes());
    }
    put(&mut file, 20, &1u32.to_le_bytes());
    put(&mut file, 24, &(CODE as u64).to_le_bytes());
    put(&mut file, 32, &64u64.to_le_bytes());
    for (index, (offset, size, bytes, flags)) in parts.iter().enumerate() {
        let (header, at) = (64 + 56 * index, file.len() as u64);
        put(&mut file, header, &1u32.to_le_bytes());
        put(&mut file, header + 4, &flags.to_le_bytes());
        for (field, value) in [(8, at), (16, *offset as u64), (24, *offset as u64), (32, bytes.len() as u64), (40, *size as u64), (48, PAGE as u64)] {
            put(&mut file, header + field, &value.to_le_bytes());
        }
        file.extend_from_slice(bytes);
    }
    file
}

/// The whole image, signed.
pub fn image(run: Action) -> Vec<u8> {
    with(&sign(&measure(run), |_| ()), run)
}

/// An image with any SIGSTRUCT.
pub fn with(sigstruct: &SigStruct, run: Action) -> Vec<u8> {
    let mut image = sigstruct.as_bytes().to_vec();
    image.extend_from_slice(&elf(run));
    image
}
