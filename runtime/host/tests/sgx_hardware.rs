//! The hardware path as far as it goes without the hardware: what is asked of the driver, in which layout and order.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

use authentic_host::sgx::hardware::abi::{ADD_PAGES, AddPages, CREATE, Create, INIT, Init, PAGE_MEASURE, Run, SecInfo};
use authentic_host::sgx::hardware::driver::{Device, load};
use authentic_host::sgx::hardware::{check, vdso};
use authentic_host::sgx::{EnclaveImage, SgxError};
use authentic_sgx::{Measurement, PAGE, SigStruct};
use authentic_testing::enclave::{Action, SIZE, TCS, image, measure};
use rustix::mm::MprotectFlags;
use std::ffi::c_void;
use std::io;
use std::mem::{offset_of, size_of};

/// A driver that does what the kernel's does with what it is given, as far as it can be seen from outside.
#[derive(Default)]
struct Recorder {
    secs: Vec<u8>,
    measurement: Option<Measurement>,
    sigstruct: Vec<u8>,
    mapped: Option<(u64, u64)>,
    protected: Vec<(u64, u64, u32)>,
    /// Bytes that are added in one call at most.
    most: u64,
    /// Interrupts that come before anything is added.
    interrupts: u32,
    fail_at: Option<u32>,
    calls: Vec<u32>,
}

unsafe fn bytes<'a>(address: u64, length: usize) -> &'a [u8] {
    // SAFETY: the loader's promise to the kernel.
    unsafe { std::slice::from_raw_parts(address as *const u8, length) }
}

impl Device for &mut Recorder {
    unsafe fn ioctl(&mut self, request: u32, argument: *mut c_void) -> io::Result<()> {
        self.calls.push(request);
        if self.fail_at == Some(request) {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        // SAFETY: what the loader promises to the kernel, for each request.
        unsafe {
            match request {
                CREATE => {
                    self.secs = bytes((*argument.cast::<Create>()).src, PAGE).to_vec();
                    let size = u64::from_le_bytes(std::array::from_fn(|index| self.secs[index]));
                    self.measurement = Some(Measurement::create(1, size));
                }
                ADD_PAGES => {
                    let pages = &mut *argument.cast::<AddPages>();
                    assert_eq!((pages.src % PAGE as u64, pages.offset % PAGE as u64, pages.length % PAGE as u64), (0, 0, 0));
                    assert_eq!(pages.flags, PAGE_MEASURE);
                    if self.interrupts > 0 {
                        self.interrupts -= 1;
                        pages.count = 0;
                        return Err(io::Error::from_raw_os_error(libc::EINTR));
                    }
                    let secinfo = &*(pages.secinfo as *const SecInfo);
                    assert_eq!((pages.secinfo % 64, secinfo.reserved), (0, [0; 56]));
                    pages.count = pages.length.min(self.most);
                    let measurement = self.measurement.as_mut().unwrap();
                    for at in (0..pages.count).step_by(PAGE) {
                        measurement.add(pages.offset + at, secinfo.flags);
                        measurement.extend(pages.offset + at, bytes(pages.src + at, PAGE).try_into().unwrap());
                    }
                }
                INIT => self.sigstruct = bytes((*argument.cast::<Init>()).sigstruct, SigStruct::LENGTH).to_vec(),
                other => panic!("ioctl {other:#x}"),
            }
        }
        Ok(())
    }

    unsafe fn map(&mut self, base: u64, size: u64) -> io::Result<()> {
        self.mapped = Some((base, size));
        Ok(())
    }

    unsafe fn protect(&mut self, address: u64, size: u64, access: MprotectFlags) -> io::Result<()> {
        self.protected.push((address, size, access.bits()));
        Ok(())
    }
}

#[test]
fn loads_the_enclave_that_was_measured() {
    let file = image(Action::Return);
    for (most, interrupts) in [(u64::MAX, 0), (PAGE as u64, 3)] {
        let mut recorder = Recorder { most, interrupts, ..Recorder::default() };
        let enclave = load(&mut recorder, &EnclaveImage::read(&file).unwrap()).unwrap();
        let (base, tcs) = (enclave.base(), enclave.tcs());
        assert!(base.is_multiple_of(SIZE));
        assert_eq!(tcs, base + TCS as u64);
        assert_eq!(recorder.measurement.take().unwrap().finish(), measure(Action::Return));
        assert_eq!(recorder.sigstruct, file[..SigStruct::LENGTH]);
        // SECS (SDM 38.7): SIZE, BASEADDR, SSAFRAMESIZE, ATTRIBUTES.
        assert_eq!(recorder.secs[..8], SIZE.to_le_bytes());
        assert_eq!(recorder.secs[8..16], base.to_le_bytes());
        assert_eq!(recorder.secs[16..24], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(recorder.secs[48..64], [4, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert!(recorder.secs[64..].iter().all(|byte| *byte == 0));
        assert_eq!(recorder.mapped, Some((base, SIZE)));
        let pages = |at: u64, count: u64, access: u32| (base + at, count * PAGE as u64, access);
        assert_eq!(recorder.protected, [pages(0x1000, 1, 5), pages(0x3000, 2, 3), pages(0x7000, 3, 3), pages(0xA000, 1, 3)]);
        assert_eq!((recorder.calls[0], recorder.calls[recorder.calls.len() - 1]), (CREATE, INIT));
    }
}

#[test]
fn each_step_that_the_driver_refuses_is_named() {
    for (request, step) in [(CREATE, "ECREATE"), (ADD_PAGES, "EADD"), (INIT, "EINIT")] {
        let mut recorder = Recorder { most: u64::MAX, fail_at: Some(request), ..Recorder::default() };
        let error = load(&mut recorder, &EnclaveImage::read(&image(Action::Return)).unwrap()).err().unwrap();
        assert!(error.to_string().contains(step), "{error}");
        assert_eq!(error.code().0, "AE-HOST-SGX-DRIVER");
        assert_eq!(recorder.mapped, None);
    }
    let mut stuck = Recorder::default();
    assert!(load(&mut stuck, &EnclaveImage::read(&image(Action::Return)).unwrap()).is_err(), "a driver that adds nothing is not asked for ever");
}

#[test]
fn a_machine_without_the_device_is_told_what_to_do() {
    if std::path::Path::new("/dev/sgx_enclave").exists() {
        return;
    }
    let error = check().unwrap_err();
    assert!(matches!(error, SgxError::Device(_)));
    let (code, next) = error.code();
    assert_eq!(code, "AE-HOST-SGX-DEVICE");
    assert!(next.contains("\"emulated\"") && next.contains("CONFIG_X86_SGX"), "{next}");
}

#[test]
fn the_kernel_enters_enclaves_where_it_says_so() {
    // Whether or not this kernel was built with SGX, the lookup must not be fooled by other names.
    assert_eq!(vdso::function("__vdso_sgx_enter"), None);
    if let Some(address) = vdso::function("__vdso_sgx_enter_enclave") {
        assert_ne!(address, 0);
    }
}

/// The structures are the kernel's: a C program with its header prints them.
#[test]
fn structures_are_those_of_the_kernels_header() {
    let folder = std::env::temp_dir().join(format!("authentic-sgx-abi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("abi.c"), folder.join("abi"));
    std::fs::write(
        &source,
        r#"#include <asm/sgx.h>
#include <stddef.h>
#include <stdio.h>
#define S(type) printf("%zu ", sizeof(struct type))
#define O(type, field) printf("%zu ", offsetof(struct type, field))
int main(void) {
    printf("%lu %lu %lu %d ", (unsigned long)SGX_IOC_ENCLAVE_CREATE, (unsigned long)SGX_IOC_ENCLAVE_ADD_PAGES, (unsigned long)SGX_IOC_ENCLAVE_INIT, SGX_PAGE_MEASURE);
    S(sgx_enclave_create); S(sgx_enclave_add_pages); S(sgx_enclave_init); S(sgx_enclave_run);
    O(sgx_enclave_add_pages, src); O(sgx_enclave_add_pages, offset); O(sgx_enclave_add_pages, length);
    O(sgx_enclave_add_pages, secinfo); O(sgx_enclave_add_pages, flags); O(sgx_enclave_add_pages, count);
    O(sgx_enclave_run, tcs); O(sgx_enclave_run, function); O(sgx_enclave_run, exception_vector);
    O(sgx_enclave_run, exception_error_code); O(sgx_enclave_run, exception_addr); O(sgx_enclave_run, user_handler);
    O(sgx_enclave_run, user_data); O(sgx_enclave_run, reserved);
    return 0;
}
"#,
    )
    .unwrap();
    let compiled = std::process::Command::new("cc").arg(&source).arg("-o").arg(&program).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = String::from_utf8(std::process::Command::new(&program).output().unwrap().stdout).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let ours = [
        CREATE as usize,
        ADD_PAGES as usize,
        INIT as usize,
        PAGE_MEASURE as usize,
        size_of::<Create>(),
        size_of::<AddPages>(),
        size_of::<Init>(),
        size_of::<Run>(),
        offset_of!(AddPages, src),
        offset_of!(AddPages, offset),
        offset_of!(AddPages, length),
        offset_of!(AddPages, secinfo),
        offset_of!(AddPages, flags),
        offset_of!(AddPages, count),
        offset_of!(Run, tcs),
        offset_of!(Run, function),
        offset_of!(Run, exception_vector),
        offset_of!(Run, exception_error_code),
        offset_of!(Run, exception_addr),
        offset_of!(Run, user_handler),
        offset_of!(Run, user_data),
        offset_of!(Run, reserved),
    ];
    assert_eq!(output.split_whitespace().map(|number| number.parse().unwrap()).collect::<Vec<usize>>(), ours);
}
