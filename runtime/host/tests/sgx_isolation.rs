//! An attacker beside the module host: another process of another user, or of the same one. Root is not kept out, which
//! `docs/threat-model.md` says. Each protection is shown to matter: without it the attack succeeds.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

use authentic_host::sgx::emulator::Emulated;
use authentic_host::sgx::{EnclaveImage, Machine, Outcome};
use authentic_sgx::Processor;
use authentic_testing::enclave::{Action, SECRET, image};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const ROLE: &str = "AUTHENTIC_TEST_ROLE";
const OWNER: u32 = 65_534;
const STRANGER: u32 = 65_533;
const FACTOR: u64 = 0x1234_5678;

/// What the victim keeps, computed so that it is nowhere in the program's file.
fn secret() -> u64 {
    SECRET.wrapping_mul(std::hint::black_box(FACTOR))
}

fn announce(address: u64) -> ! {
    println!("\naddress {address}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::process::exit(0)
}

/// As the kernel does it with an enclave in it; with `traceable` the process says it gave up being read, and did not.
fn victim(traceable: bool) -> ! {
    let file = image(Action::Return);
    // SAFETY: the enclave does nothing to its host.
    let mut enclave = unsafe { Emulated::load(&EnclaveImage::read(&file).unwrap(), Processor::new([1; 16], [1; 16]), Duration::from_secs(1)) }.unwrap();
    if traceable {
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).unwrap();
    }
    match enclave.enter(Action::KeepSecret as u64, 0, FACTOR) {
        Outcome::Exited(address) => announce(address),
        other => panic!("{other:?}"),
    }
}

/// As a program without any of it: its secret lies in ordinary memory.
fn unprotected() -> ! {
    announce(&raw const *Box::leak(Box::new(secret())) as u64)
}

/// What an attack got.
#[derive(Debug, PartialEq, Eq)]
struct Loot {
    vm_read: bool,
    mem: bool,
    attached: bool,
    peeked: bool,
}

fn attack(pid: i32, address: u64) -> ! {
    let mut word = [0u8; 8];
    let local = libc::iovec { iov_base: word.as_mut_ptr().cast(), iov_len: 8 };
    let remote = libc::iovec { iov_base: address as *mut _, iov_len: 8 };
    // SAFETY: the local buffer has 8 bytes; the rest is the other process's.
    let vm_read = unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) } == 8 && u64::from_le_bytes(word) == secret();
    let mem = std::fs::File::open(format!("/proc/{pid}/mem")).is_ok_and(|file| {
        let mut word = [0; 8];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut word, address).is_ok() && u64::from_le_bytes(word) == secret()
    });
    // SAFETY: ptrace of another process.
    let attached = unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid, 0, 0) } == 0;
    let mut peeked = false;
    if attached {
        // SAFETY: as above; the process stops before it is looked at, and goes on afterwards.
        unsafe {
            libc::waitpid(pid, std::ptr::null_mut(), 0);
            peeked = libc::ptrace(libc::PTRACE_PEEKDATA, pid, address, 0) as u64 == secret();
            libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0);
        }
    }
    println!("\nloot {vm_read} {mem} {attached} {peeked}");
    std::process::exit(0)
}

/// Not a test: what the children of the tests below do.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["victim"] => victim(false),
        ["traceable"] => victim(true),
        ["unprotected"] => unprotected(),
        ["attack", pid, address] => attack(pid.parse().unwrap(), address.parse().unwrap()),
        _ => panic!("{role}"),
    }
}

/// This program where other users may execute it.
struct Program(PathBuf);

/// A program cannot be executed while a child of another test still holds the descriptor that it was written with.
static CHILDREN: Mutex<()> = Mutex::new(());

impl Program {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("authentic-isolation-{name}-{}", std::process::id()));
        let _alone = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        Self(path)
    }

    fn run(&self, role: &str, user: u32) -> Child {
        let mut command = Command::new(&self.0);
        command
            .args(["--exact", "role", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        if rustix::process::geteuid().is_root() {
            command.uid(user).gid(user).current_dir("/");
        }
        let _alone = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        command.spawn().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn answer(child: &mut Child, word: &str) -> Vec<String> {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no {word}"));
    line.split(' ').skip(1).map(str::to_string).collect()
}

/// Attacks a victim of a kind as a user.
fn loot(name: &str, kind: &str, user: u32) -> Loot {
    let program = Program::new(name);
    let mut victim = program.run(kind, OWNER);
    let address = answer(&mut victim, "address").remove(0);
    let mut attacker = program.run(&format!("attack {} {address}", victim.id()), user);
    let found: Vec<bool> = answer(&mut attacker, "loot").iter().map(|word| word == "true").collect();
    drop(attacker.stdin.take());
    attacker.wait().unwrap();
    drop(victim.stdin.take());
    victim.wait().unwrap();
    Loot { vm_read: found[0], mem: found[1], attached: found[2], peeked: found[3] }
}

const NOTHING: Loot = Loot { vm_read: false, mem: false, attached: false, peeked: false };

/// Without Yama, or with it off, processes of one user may trace each other: what the controls below rely on.
fn tracing_is_allowed() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").map_or(true, |scope| scope.trim() == "0")
}

#[test]
fn the_same_user_gets_nothing() {
    assert_eq!(loot("same", "victim", OWNER), NOTHING);
}

#[test]
fn another_user_gets_nothing() {
    assert_eq!(loot("other", "victim", STRANGER), NOTHING);
}

#[test]
fn the_same_user_reads_a_process_without_protection() {
    if tracing_is_allowed() {
        assert_eq!(loot("control", "unprotected", OWNER), Loot { vm_read: true, mem: true, attached: true, peeked: true });
    }
}

#[test]
fn the_same_user_takes_over_a_host_that_can_be_traced_but_secret_memory_stays_secret() {
    if tracing_is_allowed() {
        assert_eq!(loot("traceable", "traceable", OWNER), Loot { vm_read: false, mem: false, attached: true, peeked: false });
    }
}
