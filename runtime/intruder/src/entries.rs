//! A host that enters an enclave as no honest one does, on the emulated processor.

use authentic_host::Region;
use authentic_host::sgx::emulator::Emulated;
use authentic_host::sgx::{EnclaveImage, Machine, Outcome};
use authentic_sgx::{PAGE, Processor};
use authentic_wire::record::input;
use authentic_wire::ring::Layout;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const INITIALIZE: u64 = 0;
const RUN: u64 = 1;
const GIVE_UP: u64 = 2;
const TIME_LIMIT: u64 = 2;

struct Loaded {
    enclave: Emulated,
    size: u64,
    tcs_offset: u64,
}

fn load(image: &Path, limit: Duration) -> Result<Loaded, String> {
    let file = std::fs::read(image).map_err(|error| format!("{}: {error}", image.display()))?;
    let image = EnclaveImage::read(&file).map_err(|error| error.to_string())?;
    // SAFETY: the enclaves of tests and of the demonstration do nothing to their host.
    let enclave = unsafe { Emulated::load(&image, Processor::new([1; 16], [1; 16]), limit) }.map_err(|error| error.to_string())?;
    Ok(Loaded { enclave, size: image.layout.size, tcs_offset: image.layout.tcs_offset })
}

fn region() -> Result<Region, String> {
    let layout = Layout::new(1 << 16, 1 << 16, 1 << 20).ok_or("a layout that there is not")?;
    Region::map(layout).map_err(|error| error.to_string())
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(value) => format!("returned {value}"),
        Outcome::Fault(why) | Outcome::TimeLimit(why) => why.clone(),
    }
}

/// EENTER with every page of the enclave as the TCS, and with addresses that are no page; then as it should be.
pub fn everywhere(image: &Path) -> Result<Value, String> {
    let Loaded { mut enclave, size, tcs_offset } = load(image, Duration::from_secs(10))?;
    let region = region()?;
    let offsets = (0..size).step_by(PAGE).filter(|offset| *offset != tcs_offset).chain([tcs_offset + 8, tcs_offset + 64, size, size + PAGE as u64]);
    let (mut attempts, mut refused, mut entered) = (0u32, BTreeMap::<String, u32>::new(), Vec::new());
    for offset in offsets {
        attempts += 1;
        match enclave.enter_trapped(RUN, region.address() as u64, region.size() as u64, offset) {
            Outcome::Fault(why) if why.starts_with("the processor refused") && enclave.cssa() == 0 => *refused.entry(why).or_default() += 1,
            other => entered.push(format!("{offset:#x}: {}", told(&other))),
        }
    }
    let genuine = enclave.enter_trapped(INITIALIZE, region.address() as u64, region.size() as u64, tcs_offset);
    Ok(json!({ "attempts": attempts, "refused": refused, "entered": entered, "genuine": told(&genuine) }))
}

/// An entry that takes too long is interrupted, the enclave erases its keys, and the host goes on with the entry.
pub fn resume(image: &Path, entry: u16) -> Result<Value, String> {
    let Loaded { mut enclave, .. } = load(image, Duration::from_millis(40))?;
    let region = region()?;
    let (shared, size) = (region.address() as u64, region.size() as u64);
    // SAFETY: the only ends of this region on the host's side.
    let (_, mut events, _) = unsafe { region.host_ends() };
    let started = enclave.enter(INITIALIZE, shared, size);
    if started != Outcome::Exited(0) {
        return Err(format!("the enclave does not start: {}", told(&started)));
    }
    events.push(input::TRIGGER, entry, &[]).map_err(|error| error.to_string())?;
    let interrupted = enclave.enter(RUN, shared, size);
    let given_up = enclave.enter(GIVE_UP, shared, TIME_LIMIT);
    // As often as the time limit interrupts it again.
    let mut resumed = enclave.resume();
    for _ in 0..10_000 {
        if !matches!(resumed, Outcome::TimeLimit(_)) {
            break;
        }
        resumed = enclave.resume();
    }
    Ok(json!({ "interrupted": told(&interrupted), "givenUp": told(&given_up), "resumed": told(&resumed), "wentOn": matches!(resumed, Outcome::Exited(_)) }))
}

/// Shared memory whose header lies before the enclave, and whose rings are the enclave's own pages.
pub fn pointer(image: &Path) -> Result<Value, String> {
    const CONTROL: u32 = 4096;
    const EVENTS: u32 = 1 << 19;
    const OUT: u32 = 1 << 18;
    let Loaded { mut enclave, .. } = load(image, Duration::from_secs(10))?;
    let start = enclave.base() - PAGE as u64;
    // SAFETY: the page before the enclave: of what was reserved for its alignment, or free.
    unsafe { mmap_anonymous(start as *mut _, PAGE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED) }.map_err(|error| error.to_string())?;
    let layout = Layout::new(CONTROL, EVENTS, OUT).ok_or("a layout that there is not")?;
    // SAFETY: the header takes the page that was just mapped, and no more.
    unsafe { layout.initialize(start as *mut u8) };
    let written = (enclave.base() + u64::from(CONTROL) + u64::from(EVENTS)) as *const u64;
    // SAFETY: a page of the enclave's data, mapped in this process; the enclave is not running.
    let look = || unsafe { written.read_volatile() };
    let before = look();
    let started = enclave.enter(INITIALIZE, start, layout.size() as u64);
    // The first bytes of the enclave are no record: a kit that takes the region says so in its out ring.
    // SAFETY: control.tail, in the page that was mapped.
    unsafe { (start as *mut u32).byte_add(64).write_volatile(8) };
    let ran = enclave.enter(RUN, start, layout.size() as u64);
    Ok(json!({ "started": told(&started), "ran": told(&ran), "overwrote": look() != before }))
}
