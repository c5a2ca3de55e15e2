//! The emulated processor against enclaves of a few instructions: entries, exits, faults, and what leaves refuse.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

#[path = "support/isolated.rs"]
mod isolated;

use authentic_host::sgx::emulator::{Emulated, enter_beside, is_inside};
use authentic_host::sgx::{EnclaveImage, Machine, Outcome, SgxError};
use authentic_sgx::{KeyRequest, LaunchError, Policy, Processor, Report, TargetInfo, egetkey, verify_report};
use authentic_testing::enclave::{Action, DATA, GAP, SIZE, TCS, image, measure, with};
use authentic_testing::sigstruct::sign;
use isolated::isolated;
use std::time::Duration;

const LIMIT: Duration = Duration::from_millis(200);

fn processor() -> Processor {
    Processor::new([7; 16], [5; 16])
}

fn try_load(file: &[u8]) -> Result<Emulated, SgxError> {
    try_load_for(file, LIMIT)
}

fn try_load_for(file: &[u8], limit: Duration) -> Result<Emulated, SgxError> {
    let image = EnclaveImage::read(file)?;
    // SAFETY: the enclaves of these tests do nothing to their host.
    unsafe { Emulated::load(&image, processor(), limit) }
}

fn load() -> Emulated {
    try_load(&image(Action::Return)).unwrap()
}

/// Enters with any region.
fn act(enclave: &mut Emulated, action: Action, region: &mut [u64; 128]) -> Outcome {
    enclave.enter(action as u64, region.as_mut_ptr() as u64, 0x42)
}

fn returns(enclave: &mut Emulated, action: Action) -> u64 {
    match act(enclave, action, &mut [0; 128]) {
        Outcome::Exited(value) => value,
        other => panic!("{other:?}"),
    }
}

fn fault(outcome: Outcome) -> String {
    match outcome {
        Outcome::Fault(description) => description,
        other => panic!("{other:?}"),
    }
}

/// ENCLU inside the enclave; offsets for RBX, RCX, RDX. RAX and RFLAGS afterwards, or the fault.
fn enclu(enclave: &mut Emulated, leaf: u64, offsets: [u64; 3]) -> Result<(u64, u64), String> {
    let mut region = [0; 128];
    region[0] = leaf;
    region[1..4].copy_from_slice(&offsets);
    match act(enclave, Action::Enclu, &mut region) {
        Outcome::Exited(0) => Ok((region[4], region[5])),
        Outcome::Fault(description) => Err(description),
        other => panic!("{other:?}"),
    }
}

fn copy_in(enclave: &mut Emulated, offset: usize, bytes: &[u8]) {
    let mut region = [0u64; 128];
    region[0] = offset as u64;
    region[1] = bytes.len() as u64;
    for (word, chunk) in region[8..].iter_mut().zip(bytes.chunks(8)) {
        *word = u64::from_le_bytes(std::array::from_fn(|index| chunk.get(index).copied().unwrap_or(0)));
    }
    assert_eq!(act(enclave, Action::CopyIn, &mut region), Outcome::Exited(0));
}

fn copy_out<const N: usize>(enclave: &mut Emulated, offset: usize) -> [u8; N] {
    let mut region = [0u64; 128];
    region[0] = offset as u64;
    region[1] = N as u64;
    assert_eq!(act(enclave, Action::CopyOut, &mut region), Outcome::Exited(0));
    let bytes: Vec<u8> = region[8..].iter().flat_map(|word| word.to_le_bytes()).collect();
    std::array::from_fn(|index| bytes[index])
}

#[test]
fn enters_and_exits_by_trap_and_by_jump() {
    isolated("enters_and_exits_by_trap_and_by_jump", || {
        let mut enclave = load();
        for size in 0..100 {
            assert_eq!(enclave.enter(Action::Return as u64, 0, size), Outcome::Exited(size));
            assert_eq!(enclave.enter_trapped(Action::Return as u64, 0, size, TCS as u64), Outcome::Exited(size));
        }
        assert_eq!(returns(&mut enclave, Action::OtherExit), 26);
        assert_eq!(enclave.cssa(), 0);
        assert!(enclave.base().is_multiple_of(SIZE));
    });
}

#[test]
fn a_second_enclave_is_refused() {
    isolated("a_second_enclave_is_refused", || {
        let _first = load();
        assert!(matches!(try_load(&image(Action::Return)), Err(SgxError::Occupied)));
    });
}

fn faults(name: &str, action: Action, expected: &str) {
    isolated(name, || {
        let mut enclave = load();
        let description = fault(act(&mut enclave, action, &mut [0; 128]));
        assert!(description.contains(expected), "{description}");
        assert_eq!(enclave.cssa(), 1);
        // Only the entry for faults is left; the host goes on.
        assert_eq!(enclave.enter(2, 0, 1), Outcome::Exited(4));
        assert_eq!(returns(&mut enclave, Action::Return), 80);
        // A fault there uses up the last frame.
        assert!(fault(enclave.enter(Action::UndefinedInstruction as u64, 0, 0)).contains("#UD"));
        assert_eq!(enclave.cssa(), 2);
        assert_eq!(fault(enclave.enter(2, 0, 1)), "the processor refused the entry with #GP");
        enclave.destroy();
    });
}

#[test]
fn an_undefined_instruction_exits_asynchronously() {
    faults("an_undefined_instruction_exits_asynchronously", Action::UndefinedInstruction, "fault #UD at enclave+0x1");
}

#[test]
fn a_write_to_null_exits_asynchronously() {
    faults("a_write_to_null_exits_asynchronously", Action::NullWrite, "accessing 0x8 outside the enclave");
}

#[test]
fn a_division_by_zero_exits_asynchronously() {
    faults("a_division_by_zero_exits_asynchronously", Action::Divide, "fault #DE at enclave+0x1");
}

#[test]
fn a_stack_overflow_hits_the_gap() {
    faults("a_stack_overflow_hits_the_gap", Action::StackOverflow, "accessing enclave+0x6ff8");
}

#[test]
fn a_jump_into_the_gap_exits_asynchronously() {
    faults("a_jump_into_the_gap_exits_asynchronously", Action::Jump, &format!("#PF at enclave+{GAP:#x}"));
}

#[test]
fn a_system_call_exits_asynchronously() {
    faults("a_system_call_exits_asynchronously", Action::SystemCall, "fault #UD at enclave+0x1");
}

#[test]
fn an_interrupt_instruction_exits_asynchronously() {
    faults("an_interrupt_instruction_exits_asynchronously", Action::Interrupt, "fault #UD at enclave+0x1");
}

#[test]
fn flags_of_the_enclave_do_not_reach_the_host() {
    faults("flags_of_the_enclave_do_not_reach_the_host", Action::Flags, "fault #UD");
}

#[test]
fn an_endless_loop_is_ended_and_can_be_resumed() {
    isolated("an_endless_loop_is_ended_and_can_be_resumed", || {
        let mut enclave = load();
        let mut region = [0u64; 128];
        let outcome = act(&mut enclave, Action::Wait, &mut region);
        assert!(matches!(&outcome, Outcome::TimeLimit(why) if why.contains("enclave+0x1")), "{outcome:?}");
        assert_eq!(enclave.cssa(), 1);
        // Registers and AVX state come back from the SSA.
        std::hint::black_box(&mut region)[0] = 1;
        assert_eq!(enclave.resume(), Outcome::Exited(7));
        assert_eq!(enclave.cssa(), 0);
        assert_eq!(fault(enclave.resume()), "the processor refused the entry with #GP");
        assert_eq!(returns(&mut enclave, Action::Return), 0x42);
    });
}

#[test]
fn a_resumed_fault_faults_again() {
    isolated("a_resumed_fault_faults_again", || {
        let mut enclave = load();
        let first = fault(act(&mut enclave, Action::UndefinedInstruction, &mut [0; 128]));
        assert_eq!(fault(enclave.resume()), first);
        assert_eq!(enclave.cssa(), 1);
    });
}

#[test]
fn an_asynchronous_exit_leaves_the_state_in_the_ssa() {
    isolated("an_asynchronous_exit_leaves_the_state_in_the_ssa", || {
        let mut enclave = load();
        act(&mut enclave, Action::Wait, &mut [0; 128]);
        // GPRSGX of frame 0 (SDM 38.9.1.1), read in this process: R12 and RIP.
        let frame = (enclave.base() + 0x9000 - 184) as *const u64;
        // SAFETY: the frame's page is mapped, and the enclave is not running.
        let (r12, rip, ursp, exit) = unsafe { (frame.add(12).read(), frame.add(17).read(), frame.add(18).read(), frame.add(20).read()) };
        assert_eq!(r12, 0x12_3456_789a_bcde_u64 << 4 | 0xf);
        assert!((enclave.base()..enclave.base() + SIZE).contains(&rip));
        assert_ne!(ursp, 0);
        assert_eq!(exit as u32, 0, "interrupts are not reported");
        // XSAVE: components x87, SSE and AVX at most, and YMM5 all ones.
        let area = (enclave.base() + 0x8000) as *const u8;
        // SAFETY: as above.
        let (components, upper) = unsafe { (area.add(512).cast::<u64>().read(), area.add(576 + 5 * 16).cast::<u128>().read()) };
        assert_eq!(components & !7, 0);
        assert_eq!(components & 4, 4);
        assert_eq!(upper, u128::MAX);
    });
}

#[test]
fn a_fault_is_described_in_the_ssa() {
    isolated("a_fault_is_described_in_the_ssa", || {
        let mut enclave = load();
        act(&mut enclave, Action::UndefinedInstruction, &mut [0; 128]);
        // SAFETY: the frame's page is mapped, and the enclave is not running.
        let exit = unsafe { ((enclave.base() + 0x9000 - 184 + 160) as *const u32).read() };
        assert_eq!(exit, 1 << 31 | 3 << 8 | 6, "EXITINFO: valid, hardware exception, #UD");
    });
}

#[test]
fn entries_that_eenter_refuses() {
    isolated("entries_that_eenter_refuses", || {
        let mut enclave = load();
        let mut at = |offset: u64| fault(enclave.enter_trapped(Action::Return as u64, 0, 0, offset));
        // Not a TCS, the entry point itself, not aligned.
        assert_eq!(at(DATA as u64), "the processor refused the entry with #PF");
        assert_eq!(at(0x1000), "the processor refused the entry with #PF");
        assert_eq!(at(TCS as u64 + 16), "the processor refused the entry with #GP");
        assert_eq!(returns(&mut enclave, Action::Return), 0x42);
    });
}

/// Enters from a second thread while the first one is inside.
fn second_thread(name: &str, checked: bool, expected: fn(&Outcome) -> bool) {
    isolated(name, || {
        let mut enclave = try_load_for(&image(Action::Return), Duration::from_secs(60)).unwrap();
        let mut region = Box::new([0u64; 128]);
        let address = region.as_mut_ptr() as usize;
        let second = std::thread::spawn(move || {
            // The enclave tells nobody that it waits: only its first thread can be in enclave mode.
            while !is_inside() {
                std::thread::yield_now();
            }
            // SAFETY: the first thread waits for the word below; entered by a second thread, the enclave returns at once.
            let outcome = unsafe { enter_beside(Action::Return as u64, 0, 0x42, checked) };
            // SAFETY: the region lives until both threads are done with it.
            unsafe { (address as *mut u64).write_volatile(1) };
            outcome
        });
        // The first thread's registers are still what they were.
        assert_eq!(enclave.enter(Action::Wait as u64, address as u64, 0), Outcome::Exited(7));
        let outcome = second.join().unwrap();
        assert!(expected(&outcome), "{outcome:?}");
    });
}

#[test]
fn a_second_thread_is_refused_at_a_busy_tcs() {
    second_thread("a_second_thread_is_refused_at_a_busy_tcs", true, |outcome| {
        matches!(outcome, Outcome::Fault(why) if why == "the processor refused the entry with #GP")
    });
}

#[test]
fn a_second_thread_gets_in_where_the_processor_does_not_look() {
    second_thread("a_second_thread_gets_in_where_the_processor_does_not_look", false, |outcome| *outcome == Outcome::Exited(0x42));
}

#[test]
fn leaves_that_an_enclave_cannot_execute() {
    isolated("leaves_that_an_enclave_cannot_execute", || {
        let mut enclave = load();
        // EENTER of its own TCS, which is busy.
        assert!(enclu(&mut enclave, 2, [TCS as u64, 0, 0]).unwrap_err().contains("#GP"));
    });
}

#[test]
fn a_report_is_genuine_and_for_its_target() {
    isolated("a_report_is_genuine_and_for_its_target", || {
        let mut enclave = load();
        let target = TargetInfo { mr_enclave: [3; 32], ..enclave.identity() };
        copy_in(&mut enclave, DATA + 0x200, &target.to_bytes());
        copy_in(&mut enclave, DATA + 0x400, &[9; 64]);
        enclu(&mut enclave, 0, [DATA as u64 + 0x200, DATA as u64 + 0x400, DATA as u64 + 0x600]).unwrap();
        let report = Report::from_bytes(&copy_out(&mut enclave, DATA + 0x600));
        let body = verify_report(&processor(), &target, &report).unwrap();
        assert_eq!((body.mr_enclave, body.report_data, body.isv_svn), (measure(Action::Return), [9; 64], 4));
        assert_eq!((body.attributes.flags, body.attributes.xfrm), (5, 7));
        assert!(verify_report(&processor(), &enclave.identity(), &report).is_err());
    });
}

#[test]
fn a_key_is_the_enclaves() {
    isolated("a_key_is_the_enclaves", || {
        let mut enclave = load();
        let mut request = KeyRequest {
            name: 4,
            policy: Policy(Policy::MR_ENCLAVE),
            isv_svn: 4,
            cpu_svn: [5; 16],
            attribute_mask: authentic_sgx::Attributes { flags: u64::MAX, xfrm: u64::MAX },
            key_id: [0; 32],
            misc_mask: 0,
            config_svn: 0,
        };
        copy_in(&mut enclave, DATA + 0x200, &request.to_bytes());
        let (rax, flags) = enclu(&mut enclave, 1, [DATA as u64 + 0x200, DATA as u64 + 0x400, 0]).unwrap();
        assert_eq!((rax, flags & 0x40), (0, 0));
        let identity = enclave.identity();
        let secs = authentic_sgx::Secs { mr_enclave: identity.mr_enclave, attributes: identity.attributes, isv_prod_id: 3, isv_svn: 4, ..Default::default() };
        assert_eq!(copy_out::<16>(&mut enclave, DATA + 0x400), *egetkey(&processor(), &secs, &request.to_bytes()).unwrap());
        request.isv_svn = 5;
        copy_in(&mut enclave, DATA + 0x200, &request.to_bytes());
        let (rax, flags) = enclu(&mut enclave, 1, [DATA as u64 + 0x200, DATA as u64 + 0x400, 0]).unwrap();
        assert_eq!((rax, flags & 0x40), (64, 0x40), "SGX_INVALID_ISVSVN");
        copy_in(&mut enclave, DATA + 0x200, &[0xFF; 512]);
        assert!(enclu(&mut enclave, 1, [DATA as u64 + 0x200, DATA as u64 + 0x400, 0]).unwrap_err().contains("#GP"));
    });
}

/// One operand is wrong, the others are good.
fn operand(name: &str, leaf: u64, place: usize, offset: u64, expected: &str) {
    isolated(name, || {
        let mut enclave = load();
        let mut offsets = [DATA as u64 + 0x200, DATA as u64 + 0x400, DATA as u64 + 0x600];
        offsets[place] = offset;
        let refusal = enclu(&mut enclave, leaf, offsets).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
        assert_eq!(enclave.cssa(), 1);
    });
}

macro_rules! operands {
    ($($name:ident: $leaf:expr, $place:expr, $offset:expr, $expected:expr;)*) => {
        $(#[test]
        fn $name() {
            operand(stringify!($name), $leaf, $place, $offset, $expected);
        })*
    };
}

operands! {
    ereport_of_an_unaligned_target: 0, 0, DATA as u64 + 0x100, "#GP";
    ereport_of_unaligned_data: 0, 1, DATA as u64 + 0x440, "#GP";
    ereport_to_an_unaligned_place: 0, 2, DATA as u64 + 0x700, "#GP";
    ereport_of_a_target_outside: 0, 0, SIZE, "#GP";
    ereport_of_data_outside: 0, 1, SIZE, "#GP";
    ereport_to_a_place_outside: 0, 2, SIZE, "#GP";
    ereport_of_a_target_before_the_enclave: 0, 0, 0u64.wrapping_sub(512), "#GP";
    ereport_to_a_page_that_does_not_exist: 0, 2, GAP as u64, "#PF";
    ereport_to_code: 0, 2, 0x1000, "#PF";
    ereport_of_the_tcs: 0, 0, TCS as u64, "#PF";
    egetkey_of_an_unaligned_request: 1, 0, DATA as u64 + 0x100, "#GP";
    egetkey_to_an_unaligned_place: 1, 1, DATA as u64 + 0x408, "#GP";
    egetkey_of_a_request_outside: 1, 0, SIZE, "#GP";
    egetkey_to_a_place_outside: 1, 1, SIZE, "#GP";
    egetkey_of_a_page_that_does_not_exist: 1, 0, GAP as u64, "#PF";
    egetkey_to_code: 1, 1, 0x1000, "#PF";
    a_leaf_that_does_not_exist: 5, 0, 0, "#GP";
}

/// A bit of the image changes after it was signed.
fn flipped(name: &str, at: usize, expected: LaunchError) {
    isolated(name, || {
        let mut file = image(Action::Return);
        file[at] ^= 0x20;
        let refusal = try_load(&file).err().unwrap();
        assert!(matches!(&refusal, SgxError::Launch(error) if *error == expected), "{refusal}");
        assert_eq!(refusal.code().0, "AE-HOST-SGX-LAUNCH");
    });
}

const ELF: usize = 1808;
const HEADERS: usize = 64 + 5 * 56;

#[test]
fn flipped_code_is_refused() {
    flipped("flipped_code_is_refused", ELF + HEADERS + 3, LaunchError::Measurement);
}

#[test]
fn a_flipped_permission_is_refused() {
    // p_flags of the stack: 6 becomes 4 with the bit for writing.
    isolated("a_flipped_permission_is_refused", || {
        let mut file = image(Action::Return);
        file[ELF + 64 + 2 * 56 + 4] ^= 2;
        assert!(matches!(try_load(&file), Err(SgxError::Launch(LaunchError::Measurement))));
    });
}

#[test]
fn a_flipped_measurement_is_refused() {
    flipped("a_flipped_measurement_is_refused", 960, LaunchError::Signature);
}

#[test]
fn a_flipped_version_is_refused() {
    flipped("a_flipped_version_is_refused", 1026, LaunchError::Signature);
}

#[test]
fn an_enclave_that_another_key_signed_has_another_signer() {
    isolated("an_enclave_that_another_key_signed_has_another_signer", || {
        // Another modulus: the signature no longer fits.
        let sigstruct = sign(&measure(Action::Return), |bytes| bytes[128] ^= 2);
        assert!(matches!(try_load(&with(&sigstruct, Action::Return)), Err(SgxError::Launch(LaunchError::Signature))));
    });
}

#[test]
fn truncated_and_oversized_images_are_refused() {
    let good = image(Action::Return);
    for length in [0, 1, 1807, 1808, 1809, 1808 + 63, 1808 + 64 + 56 * 5 - 1, good.len() - 1] {
        assert!(EnclaveImage::read(&good[..length]).is_err(), "{length} bytes");
    }
    let mut long = good.clone();
    long.resize((64 << 20) + 1808 + 1, 0);
    assert!(EnclaveImage::read(&long).is_err());
    assert!(EnclaveImage::read(&good).is_ok());
}
