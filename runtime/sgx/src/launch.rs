//! EINIT (SDM 40.3): whether a processor accepts an enclave with the signature it comes with. Launch control is that of
//! Linux, where any signer may launch enclaves.

use crate::attributes::Attributes;
use crate::secs::Secs;
use crate::sigstruct::SigStruct;

/// Why EINIT refuses an enclave; codes are those of SDM 40.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// SGX_INVALID_SIG_STRUCT (1).
    #[error("SIGSTRUCT is malformed (SGX_INVALID_SIG_STRUCT)")]
    Malformed,
    /// SGX_INVALID_ATTRIBUTE (2).
    #[error("the signer does not allow these attributes (SGX_INVALID_ATTRIBUTE)")]
    Attribute,
    /// SGX_INVALID_MEASUREMENT (4).
    #[error("the signature is for another enclave than the one that was loaded (SGX_INVALID_MEASUREMENT)")]
    Measurement,
    /// SGX_INVALID_SIGNATURE (8).
    #[error("the signature is not good (SGX_INVALID_SIGNATURE)")]
    Signature,
}

/// Checks as EINIT does, and completes `secs` with what SIGSTRUCT says.
///
/// # Errors
/// [`LaunchError`]; `secs` is unchanged then.
pub fn launch(secs: &mut Secs, sigstruct: &SigStruct) -> Result<(), LaunchError> {
    if !sigstruct.is_well_formed() {
        return Err(LaunchError::Malformed);
    }
    if !sigstruct.is_signed() {
        return Err(LaunchError::Signature);
    }
    if sigstruct.enclave_hash() != secs.mr_enclave {
        return Err(LaunchError::Measurement);
    }
    let mask = sigstruct.attribute_mask();
    let misc = sigstruct.misc_mask();
    if sigstruct.attributes().masked(mask) != secs.attributes.masked(mask) || sigstruct.misc_select() & misc != secs.misc_select & misc {
        return Err(LaunchError::Attribute);
    }
    // A provisioning or launch key is for Intel's enclaves; Linux asks the administrator for it.
    if secs.attributes.flags & (Attributes::PROVISION_KEY | Attributes::EINITTOKEN_KEY) != 0 {
        return Err(LaunchError::Attribute);
    }
    secs.mr_signer = sigstruct.mr_signer();
    secs.isv_prod_id = sigstruct.isv_prod_id();
    secs.isv_svn = sigstruct.isv_svn();
    if secs.attributes.flags & Attributes::KSS != 0 {
        secs.isv_family_id = sigstruct.isv_family_id();
        secs.isv_ext_prod_id = sigstruct.isv_ext_prod_id();
    }
    secs.attributes.flags |= Attributes::INIT;
    Ok(())
}
