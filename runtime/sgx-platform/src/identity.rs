//! What the emulated platform and its quoting enclave say that they are. Values that differ between platforms are drawn
//! at the first start (`keys`); these are the same everywhere.

use authentic_sgx::{Attributes, Secs};
use sha2::{Digest, Sha256};

/// Security versions of the 16 TCB components, and CPUSVN, which repeats them as in every published certificate.
pub const COMPONENTS: [u8; 16] = [1; 16];
/// Security version of the provisioning certification enclave.
pub const PCE_SVN: u16 = 1;
/// Identity of the provisioning certification enclave; Intel's is zero too.
pub const PCE_ID: [u8; 2] = [0, 0];
/// ISVPRODID of the quoting enclave; Intel's is one too.
pub const QE_PRODUCT: u16 = 1;
/// ISVSVN of the quoting enclave.
pub const QE_SVN: u16 = 1;
/// Which vendor's quoting enclave speaks: Intel's id, which the genuine format demands.
pub const QE_VENDOR: [u8; 16] = [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// When the one TCB level was defined.
pub const TCB_DATE: &str = "2026-01-01T00:00:00Z";
/// In subject and issuer of every certificate.
pub const ORGANIZATION: &str = "Emulated SGX platform";

/// MRENCLAVE and MRSIGNER stand for code and vendor that do not exist; they are hashes of what they stand for.
fn stands_for(what: &str) -> [u8; 32] {
    Sha256::digest(what).into()
}

/// MRSIGNER of the quoting enclave.
pub fn qe_signer() -> [u8; 32] {
    stands_for("pulumi-authentic: signer of the emulated quoting enclave")
}

/// Attributes of the quoting enclave: as Intel's.
pub const QE_ATTRIBUTES: Attributes = Attributes { flags: Attributes::INIT | Attributes::MODE64 | Attributes::PROVISION_KEY, xfrm: Attributes::XFRM_AVX };

/// The quoting enclave, as the processor knows enclaves.
pub fn qe() -> Secs {
    Secs {
        attributes: QE_ATTRIBUTES,
        mr_enclave: stands_for("pulumi-authentic: emulated quoting enclave"),
        mr_signer: qe_signer(),
        isv_prod_id: QE_PRODUCT,
        isv_svn: QE_SVN,
        ..Secs::default()
    }
}
