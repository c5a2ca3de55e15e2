//! A panic fails the instance like any other fault: its keys are erased, and the deployer starts it again.

/// Executes an instruction that no processor has. A message could leave only with an event that completes, and it would be
/// public.
#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fault()
}

#[cfg(all(not(test), target_arch = "x86_64"))]
fn fault() -> ! {
    // SAFETY: it does not come back.
    unsafe { core::arch::asm!("ud2", options(noreturn, nomem, nostack)) }
}

#[cfg(all(not(test), target_arch = "arm"))]
fn fault() -> ! {
    // SAFETY: it does not come back.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}

/// Editors check modules for the machine they run on.
#[cfg(all(not(test), not(any(target_arch = "x86_64", target_arch = "arm"))))]
fn fault() -> ! {
    loop {}
}

/// What the linker looks for, so that it takes the module out of its archive.
#[cfg(not(test))]
#[unsafe(no_mangle)]
pub extern "C" fn authentic_rust() {}
