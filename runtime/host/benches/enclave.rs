//! What an empty call of an emulated enclave costs: with EENTER and EEXIT as instructions that trap, as a jump and a
//! patched exit, and a system call for comparison. `cargo bench -p authentic-host --bench enclave`
#![allow(clippy::unwrap_used)]

#[cfg(target_arch = "x86_64")]
fn main() {
    use authentic_host::sgx::emulator::Emulated;
    use authentic_host::sgx::{EnclaveImage, Machine, Outcome};
    use authentic_testing::enclave::{Action, TCS, image};
    use std::time::{Duration, Instant};

    fn time(what: &str, calls: u32, mut call: impl FnMut()) {
        // The best of several runs: the machine does other things as well.
        let best = (0..7).map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        });
        println!("{what:<44} {:>10.1} ns", best.fold(f64::INFINITY, f64::min));
    }

    // Anything after `cargo bench`'s own arguments is not for this program.
    let file = image(Action::Return);
    let image = EnclaveImage::read(&file).unwrap();
    let processor = authentic_sgx::Processor::new([1; 16], [1; 16]);
    // SAFETY: the enclave does nothing to its host.
    let mut enclave = unsafe { Emulated::load(&image, processor, Duration::from_secs(60)) }.unwrap();
    let returned = |outcome: Outcome| assert_eq!(outcome, Outcome::Exited(3));
    time("getpid", 1_000_000, || {
        // SAFETY: no preconditions.
        unsafe { libc::syscall(libc::SYS_getpid) };
    });
    time("empty call, EENTER a jump, EEXIT patched", 1_000_000, || returned(enclave.enter(Action::Return as u64, 0, 3)));
    time("empty call, EENTER traps, EEXIT patched", 50_000, || returned(enclave.enter_trapped(Action::Return as u64, 0, 3, TCS as u64)));
    let left = |outcome: Outcome| assert_eq!(outcome, Outcome::Exited(Action::OtherExit as u64));
    time("empty call, EENTER a jump, EEXIT traps", 50_000, || left(enclave.enter(Action::OtherExit as u64, 0, 3)));
    time("empty call, both trap", 50_000, || left(enclave.enter_trapped(Action::OtherExit as u64, 0, 3, TCS as u64)));
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {}
