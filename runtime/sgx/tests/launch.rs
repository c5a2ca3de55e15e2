//! What EINIT accepts, and what it refuses with which code.
#![allow(clippy::unwrap_used)]

use authentic_sgx::{Attributes, LaunchError, Layout, Secs, SigStruct, launch};
use authentic_testing::sigstruct::sign;
use sha2::{Digest, Sha256};

const MR_ENCLAVE: [u8; 32] = [0xA5; 32];

fn secs() -> Secs {
    Secs { mr_enclave: MR_ENCLAVE, attributes: Layout::ATTRIBUTES, size: 1 << 21, ssa_frame_size: 1, ..Secs::default() }
}

fn refused(change: impl FnOnce(&mut [u8; SigStruct::LENGTH])) -> LaunchError {
    let mut secs = secs();
    let error = launch(&mut secs, &sign(&MR_ENCLAVE, change)).unwrap_err();
    assert_eq!(secs, self::secs(), "an enclave that is refused is not changed");
    error
}

/// Changed after it was signed.
fn tampered(at: usize, value: u8) -> LaunchError {
    let mut bytes = *sign(&MR_ENCLAVE, |_| ()).as_bytes();
    bytes[at] ^= value;
    launch(&mut secs(), &SigStruct::from_bytes(&bytes)).unwrap_err()
}

#[test]
fn accepts_an_enclave_with_its_signature() {
    let mut secs = secs();
    let sigstruct = sign(&MR_ENCLAVE, |_| ());
    launch(&mut secs, &sigstruct).unwrap();
    let signer: [u8; 32] = Sha256::digest(&sigstruct.as_bytes()[128..512]).into();
    assert_eq!((secs.mr_signer, secs.isv_prod_id, secs.isv_svn), (signer, 3, 4));
    assert_eq!(secs.attributes.flags, Attributes::INIT | Attributes::MODE64);
    assert_eq!(secs.isv_family_id, [0; 16]);
}

#[test]
fn refuses_another_enclave_than_was_signed() {
    assert_eq!(refused(|bytes| bytes[960] ^= 1), LaunchError::Measurement);
    let mut other = Secs { mr_enclave: [0; 32], ..secs() };
    assert_eq!(launch(&mut other, &sign(&MR_ENCLAVE, |_| ())), Err(LaunchError::Measurement));
}

#[test]
fn refuses_malformed_structures() {
    for at in [0, 8, 16, 24, 36, 44, 127, 512, 908, 992, 1028, 1039] {
        assert_eq!(refused(|bytes| bytes[at] ^= 0x10), LaunchError::Malformed, "byte {at}");
    }
}

#[test]
fn refuses_each_field_changed_after_signing() {
    // Modulus, signature, quotients, and the signed fields.
    for at in [128, 511, 516, 899, 900, 904, 912, 928, 944, 960, 1008, 1024, 1026, 1040, 1423, 1424, 1807, 20, 40] {
        assert_eq!(tampered(at, 1), LaunchError::Signature, "byte {at}");
    }
    // A modulus of fewer bits, and a signature beyond the modulus.
    assert_eq!(tampered(511, 0x80), LaunchError::Signature);
    let mut bytes = *sign(&MR_ENCLAVE, |_| ()).as_bytes();
    bytes[516..900].fill(0xFF);
    assert_eq!(launch(&mut secs(), &SigStruct::from_bytes(&bytes)), Err(LaunchError::Signature));
}

#[test]
fn refuses_attributes_that_the_signer_does_not_allow() {
    // XFRM without AVX, required debugging, extended information in the SSA.
    assert_eq!(refused(|bytes| bytes[936] = 3), LaunchError::Attribute);
    assert_eq!(refused(|bytes| bytes[900] = 1), LaunchError::Attribute);
    let debug = |bytes: &mut [u8; SigStruct::LENGTH]| {
        bytes[928] = 6;
        bytes[944] = 0xFF;
    };
    assert_eq!(refused(debug), LaunchError::Attribute);
    let mut debugged = secs();
    debugged.attributes.flags |= Attributes::DEBUG;
    launch(&mut debugged, &sign(&MR_ENCLAVE, debug)).unwrap();
    // The mask of an ordinary signature leaves debugging open; what the enclave is shows in its report.
    let mut open = secs();
    open.attributes.flags |= Attributes::DEBUG;
    launch(&mut open, &sign(&MR_ENCLAVE, |_| ())).unwrap();
    assert_eq!(open.attributes.flags, 7);
}

#[test]
fn nobody_gets_the_keys_of_intels_enclaves() {
    for attribute in [Attributes::PROVISION_KEY, Attributes::EINITTOKEN_KEY] {
        let mut wanting = secs();
        wanting.attributes.flags |= attribute;
        let sigstruct = sign(&MR_ENCLAVE, |bytes| bytes[928] |= attribute as u8);
        assert_eq!(launch(&mut wanting, &sigstruct), Err(LaunchError::Attribute));
    }
}
