//! Another process of the machine: process_vm_readv, /proc/<pid>/mem and ptrace, whatever the user of this one may do.

use serde_json::{Value, json};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::ptr::null_mut;

const PAGE: usize = 4096;
/// Pages that are tried of each kind of memory.
const MOST: usize = 512;

/// Bytes of a process that each way has got hold of, and what the first refusal was.
#[derive(Default)]
struct Loot {
    bytes: usize,
    refusal: Option<String>,
}

impl Loot {
    fn add(&mut self, result: io::Result<usize>) {
        match result {
            Ok(bytes) => self.bytes += bytes,
            Err(error) => self.refusal = self.refusal.take().or(Some(error.to_string())),
        }
    }

    fn json(&self) -> Value {
        json!({ "bytes": self.bytes, "refusal": self.refusal })
    }
}

fn last<T>(ok: bool, value: T) -> io::Result<T> {
    if ok { Ok(value) } else { Err(io::Error::last_os_error()) }
}

fn vm_read(pid: i32, address: u64) -> io::Result<usize> {
    let mut page = [0u8; PAGE];
    let local = libc::iovec { iov_base: page.as_mut_ptr().cast(), iov_len: PAGE };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: PAGE };
    // SAFETY: the local buffer has a page; the rest is the other process's.
    let read = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) };
    last(read > 0, read.max(0) as usize)
}

fn mem(pid: i32, address: u64) -> io::Result<usize> {
    File::open(format!("/proc/{pid}/mem"))?.read_at(&mut [0; PAGE], address)
}

/// Stops the process for as long as `work` takes.
fn traced(pid: i32, work: impl FnOnce()) -> io::Result<()> {
    // SAFETY: ptrace and waitpid of another process.
    unsafe {
        last(libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0) == 0, ())?;
        libc::waitpid(pid, null_mut(), libc::__WALL);
        work();
        libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0);
    }
    Ok(())
}

fn peek(pid: i32, address: u64) -> io::Result<usize> {
    // SAFETY: ptrace of a process that this one traces; errno says whether it failed.
    unsafe {
        *libc::__errno_location() = 0;
        libc::ptrace(libc::PTRACE_PEEKDATA, pid, address, 0);
        last(*libc::__errno_location() == 0, 8)
    }
}

/// All three ways, at these pages of a process.
fn tried(pid: i32, pages: &[u64]) -> Value {
    let (mut by_call, mut by_file, mut by_trace) = (Loot::default(), Loot::default(), Loot::default());
    for page in pages {
        by_call.add(vm_read(pid, *page));
        by_file.add(mem(pid, *page));
    }
    let attached = traced(pid, || pages.iter().for_each(|page| by_trace.add(peek(pid, *page))));
    if let Err(error) = &attached {
        by_trace.refusal = Some(error.to_string());
    }
    json!({ "pages": pages.len(), "processVmReadv": by_call.json(), "procMem": by_file.json(), "ptrace": by_trace.json(), "attached": attached.is_ok() })
}

/// Pages of the mappings that `wanted` chooses, of a process whose map may be read.
fn pages(maps: &str, wanted: impl Fn(&str) -> bool) -> Vec<u64> {
    let range = |line: &str| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    };
    maps.lines().filter(|line| wanted(line)).filter_map(range).flat_map(|(start, end)| (start..end).step_by(PAGE)).take(MOST).collect()
}

/// A process of this user that does nothing against being read, with a page of its own.
fn unprotected(work: impl FnOnce(i32, u64) -> Value) -> io::Result<Value> {
    let page = Box::leak(vec![0x5au8; 2 * PAGE].into_boxed_slice());
    let address = (page.as_ptr() as u64).next_multiple_of(PAGE as u64);
    // SAFETY: this process has one thread; the child only waits to be killed.
    let child = unsafe { libc::fork() };
    if child == 0 {
        loop {
            // SAFETY: no preconditions.
            unsafe { libc::pause() };
        }
    }
    last(child > 0, ())?;
    let found = work(child, address);
    // SAFETY: the child is this process's own.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, null_mut(), 0);
    }
    Ok(found)
}

/// What this user gets of the process `pid`.
pub fn attempt(pid: i32) -> Result<Value, String> {
    let control = unprotected(|child, address| tried(child, &[address])).map_err(|error| error.to_string())?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"));
    let target = match &maps {
        // The map says where the enclave's memory lies: secret, and behind it nothing that one could read by accident.
        Ok(maps) if !maps.is_empty() => json!({
            "map": null,
            "secret": tried(pid, &pages(maps, |line| line.contains("secretmem"))),
            "code": tried(pid, &pages(maps, |line| line.contains(" r-xp ") && !line.contains('['))),
        }),
        // Without it an attacker tries where programs lie.
        other => json!({
            "map": other.as_ref().err().map_or("empty".to_string(), ToString::to_string),
            "secret": tried(pid, &[0x40_0000, 0x5555_5555_4000, 0x7fff_f7fc_0000]),
        }),
    };
    Ok(json!({ "user": rustix::process::geteuid().as_raw(), "control": control, "target": target }))
}
