//! Finds functions in the vDSO, the shared object that the kernel maps into every process (vdso(7)).

const MAGIC: [u8; 4] = *b"\x7fELF";
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const HASH: u64 = 4;
const STRINGS: u64 = 5;
const SYMBOLS: u64 = 6;
const GNU_HASH: u64 = 0x6fff_fef5;
const SYMBOL: usize = 24;
const PROGRAM_HEADER: usize = 56;
const MAX_ENTRIES: usize = 4096;

/// A number in the vDSO.
///
/// # Safety
/// `at` lies in the vDSO.
unsafe fn read<T: Copy>(at: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { (at as *const T).read_unaligned() }
}

/// Address of a function, where the vDSO has it.
pub fn function(name: &str) -> Option<usize> {
    // SAFETY: no preconditions; the kernel puts the address there, or zero.
    let base = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
    // SAFETY: the kernel maps a whole ELF file there, which is as trusted as the kernel: its tables lie in it.
    (base != 0).then(|| unsafe { find(base, name) }).flatten()
}

/// # Safety
/// `base` is the address of a whole ELF shared object in memory.
unsafe fn find(base: usize, name: &str) -> Option<usize> {
    // SAFETY: all addresses come from the object's own tables.
    unsafe {
        if read::<[u8; 4]>(base) != MAGIC {
            return None;
        }
        let (table, count) = (base + read::<u64>(base + 32) as usize, usize::from(read::<u16>(base + 56)));
        let header = |kind: u32| (0..count).map(|index| table + index * PROGRAM_HEADER).find(|at| read::<u32>(*at) == kind);
        // Addresses in the object are relative to where its first segment would be.
        let load = header(LOAD)?;
        let bias = base.wrapping_add(read::<u64>(load + 8) as usize).wrapping_sub(read::<u64>(load + 16) as usize);
        let dynamic = bias.wrapping_add(read::<u64>(header(DYNAMIC)? + 16) as usize);
        let entries = (0..MAX_ENTRIES).map(|index| (read::<u64>(dynamic + 16 * index), read::<u64>(dynamic + 16 * index + 8)));
        let entries: Vec<(u64, u64)> = entries.take_while(|(tag, _)| *tag != 0).collect();
        let address = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| bias.wrapping_add(*value as usize));
        let (symbols, strings) = (address(SYMBOLS)?, address(STRINGS)?);
        let count = match (address(HASH), address(GNU_HASH)) {
            (Some(table), _) => read::<u32>(table + 4) as usize,
            (None, Some(table)) => gnu_count(table),
            (None, None) => return None,
        };
        (0..count.min(MAX_ENTRIES)).map(|index| symbols + index * SYMBOL).find_map(|symbol| {
            let text = std::ffi::CStr::from_ptr((strings + read::<u32>(symbol) as usize) as *const _);
            let (section, value) = (read::<u16>(symbol + 6), read::<u64>(symbol + 8));
            (section != 0 && text.to_bytes() == name.as_bytes()).then(|| bias.wrapping_add(value as usize))
        })
    }
}

/// Symbols that a GNU hash table covers: the end of the last chain.
///
/// # Safety
/// `table` is a GNU hash table.
unsafe fn gnu_count(table: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let (buckets, first, bloom) = (read::<u32>(table) as usize, read::<u32>(table + 4) as usize, read::<u32>(table + 8) as usize);
        let bucket = table + 16 + 8 * bloom;
        let chains = bucket + 4 * buckets;
        let Some(last) = (0..buckets).map(|index| read::<u32>(bucket + 4 * index) as usize).max().filter(|last| *last >= first) else { return first };
        let end = (last..MAX_ENTRIES).find(|symbol| read::<u32>(chains + 4 * (symbol - first)) & 1 != 0);
        end.map_or(first, |symbol| symbol + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::function;

    #[test]
    fn finds_functions_that_work() {
        let address = function("__vdso_clock_gettime").expect("every x86-64 kernel has it");
        // SAFETY: its documented signature (vdso(7)).
        let clock: extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int = unsafe { std::mem::transmute(address) };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        assert_eq!(clock(libc::CLOCK_REALTIME, &mut time), 0);
        assert!(time.tv_sec > 1_700_000_000);
        assert_eq!(function("__vdso_no_such_function"), None);
    }
}
