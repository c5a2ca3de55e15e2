//! The kernel's interface to `/dev/sgx_enclave` and to its vDSO function (Linux, `asm/sgx.h`).

/// SGX_IOC_ENCLAVE_CREATE: `_IOW(0xA4, 0x00, struct sgx_enclave_create)`.
pub const CREATE: u32 = 0x4008_A400;
/// SGX_IOC_ENCLAVE_ADD_PAGES: `_IOWR(0xA4, 0x01, struct sgx_enclave_add_pages)`.
pub const ADD_PAGES: u32 = 0xC030_A401;
/// SGX_IOC_ENCLAVE_INIT: `_IOW(0xA4, 0x02, struct sgx_enclave_init)`.
pub const INIT: u32 = 0x4008_A402;
/// SGX_PAGE_MEASURE: EEXTEND the pages.
pub const PAGE_MEASURE: u64 = 1;

/// struct sgx_enclave_create
#[repr(C)]
#[derive(Debug)]
pub struct Create {
    /// Address of the SECS page.
    pub src: u64,
}

/// struct sgx_enclave_add_pages
#[repr(C)]
#[derive(Debug)]
pub struct AddPages {
    /// Address of the pages' content, page-aligned.
    pub src: u64,
    /// Where in the enclave.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// Address of a [`SecInfo`].
    pub secinfo: u64,
    /// [`PAGE_MEASURE`].
    pub flags: u64,
    /// Bytes that were added: written by the kernel.
    pub count: u64,
}

/// struct sgx_enclave_init
#[repr(C)]
#[derive(Debug)]
pub struct Init {
    /// Address of SIGSTRUCT.
    pub sigstruct: u64,
}

/// struct sgx_enclave_run
#[repr(C)]
#[derive(Debug)]
pub struct Run {
    /// Address of the TCS.
    pub tcs: u64,
    /// The leaf that was executed last.
    pub function: u32,
    /// Exception, where that leaf is not EEXIT.
    pub exception_vector: u16,
    /// Its error code.
    pub exception_error_code: u16,
    /// Its address.
    pub exception_addr: u64,
    /// Called at each exit; 0: none.
    pub user_handler: u64,
    /// For the handler.
    pub user_data: u64,
    /// Zero.
    pub reserved: [u8; 216],
}

/// SECINFO (SDM 38.11).
#[repr(C, align(64))]
#[derive(Debug)]
pub struct SecInfo {
    /// Permissions and page type.
    pub flags: u64,
    /// Zero.
    pub reserved: [u8; 56],
}
