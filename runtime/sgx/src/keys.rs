//! EREPORT and EGETKEY (SDM 40.4) on an emulated processor. What goes into a key is what the manual lists; how it is
//! made of that is a secret of genuine processors, here it is AES-CMAC under the fuse key.

use crate::attributes::Attributes;
use crate::bytes::put;
use crate::key_request::{KeyName, KeyRequest, Policy};
use crate::processor::Processor;
use crate::report::{Report, ReportBody, TargetInfo};
use crate::secs::{ConfigId, Secs};
use aes::Aes128;
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A key of 128 bits, erased when it is dropped.
pub type Key = Zeroizing<[u8; 16]>;

/// Why EGETKEY gives no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The instruction faults: #GP(0).
    #[error("#GP: the request asks for what this enclave cannot ask for")]
    Fault,
    /// SGX_INVALID_ATTRIBUTE.
    #[error("the enclave lacks an attribute that this key needs")]
    Attribute,
    /// SGX_INVALID_CPUSVN.
    #[error("CPUSVN is beyond that of the processor")]
    CpuSvn,
    /// SGX_INVALID_ISVSVN.
    #[error("ISVSVN or CONFIGSVN is beyond that of the enclave")]
    IsvSvn,
    /// SGX_INVALID_KEYNAME.
    #[error("there is no key of this name")]
    KeyName,
}

impl KeyError {
    /// What EGETKEY puts into RAX (SDM 40.1.3); `None` where it faults.
    pub fn code(self) -> Option<u64> {
        match self {
            Self::Fault => None,
            Self::Attribute => Some(2),
            Self::CpuSvn => Some(32),
            Self::IsvSvn => Some(64),
            Self::KeyName => Some(256),
        }
    }
}

/// KEYDEPENDENCIES (SDM 40.4, EGETKEY): everything else stays zero.
#[derive(Default)]
struct Dependencies {
    name: u16,
    policy: u16,
    isv_prod_id: u16,
    isv_svn: u16,
    config_svn: u16,
    misc_select: u32,
    misc_mask: u32,
    attributes: Attributes,
    attribute_mask: Attributes,
    mr_enclave: [u8; 32],
    mr_signer: [u8; 32],
    key_id: [u8; 32],
    cpu_svn: [u8; 16],
    isv_family_id: [u8; 16],
    isv_ext_prod_id: [u8; 16],
    config_id: ConfigId,
}

impl Dependencies {
    fn derive(&self, processor: &Processor) -> Key {
        let mut bytes = [0; 320];
        for (at, value) in [(0, self.name), (2, self.policy), (4, self.isv_prod_id), (6, self.isv_svn), (8, self.config_svn)] {
            put(&mut bytes, at, &value.to_le_bytes());
        }
        put(&mut bytes, 12, &self.misc_select.to_le_bytes());
        put(&mut bytes, 16, &self.misc_mask.to_le_bytes());
        put(&mut bytes, 32, &self.attributes.to_bytes());
        put(&mut bytes, 48, &self.attribute_mask.to_bytes());
        put(&mut bytes, 64, &self.mr_enclave);
        put(&mut bytes, 96, &self.mr_signer);
        put(&mut bytes, 128, &self.key_id);
        put(&mut bytes, 160, &self.cpu_svn);
        put(&mut bytes, 176, &self.isv_family_id);
        put(&mut bytes, 192, &self.isv_ext_prod_id);
        put(&mut bytes, 208, &self.config_id.0);
        Zeroizing::new(cmac(&processor.fuse_key, &bytes))
    }
}

fn cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let mut mac = <Cmac<Aes128> as Mac>::new(key.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The report key of the enclave that `target` names: what reports to it are authenticated with.
pub fn report_key(processor: &Processor, target: &TargetInfo, key_id: &[u8; 32]) -> Key {
    let dependencies = Dependencies {
        name: KeyName::Report as u16,
        misc_select: target.misc_select,
        attributes: target.attributes,
        mr_enclave: target.mr_enclave,
        key_id: *key_id,
        cpu_svn: processor.cpu_svn,
        config_id: ConfigId(target.config_id),
        config_svn: target.config_svn,
        ..Dependencies::default()
    };
    dependencies.derive(processor)
}

/// EREPORT: a report by the enclave `secs` for `target`. `key_id` is random for each start of the processor.
pub fn ereport(processor: &Processor, secs: &Secs, target: &TargetInfo, report_data: [u8; 64], key_id: [u8; 32]) -> Report {
    let body = ReportBody::new(secs, processor.cpu_svn, report_data).to_bytes();
    Report { body, key_id, mac: cmac(&report_key(processor, target, &key_id), &body) }
}

/// The report was not made on this processor for this enclave, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the report was not made on this processor for this enclave, or was changed")]
pub struct ReportError;

/// What the enclave `target` does with a report to it: EGETKEY of its report key, then the MAC in constant time.
///
/// # Errors
/// [`ReportError`].
pub fn verify_report(processor: &Processor, target: &TargetInfo, report: &Report) -> Result<ReportBody, ReportError> {
    let mac = cmac(&report_key(processor, target, &report.key_id), &report.body);
    if bool::from(mac.ct_eq(&report.mac)) { Ok(ReportBody::from_bytes(&report.body)) } else { Err(ReportError) }
}

/// EGETKEY: a key for the enclave `secs`.
///
/// # Errors
/// [`KeyError`], checked in the order of the manual.
pub fn egetkey(processor: &Processor, secs: &Secs, request: &[u8; KeyRequest::LENGTH]) -> Result<Key, KeyError> {
    let request = KeyRequest::from_bytes(request).ok_or(KeyError::Fault)?;
    let has = |attribute: u64| secs.attributes.flags & attribute != 0;
    if request.policy.has(Policy::KSS) && !has(Attributes::KSS) {
        return Err(KeyError::Fault);
    }
    let name = KeyName::from_number(request.name).ok_or(KeyError::KeyName)?;
    let needed = match name {
        KeyName::EinitToken => Attributes::EINITTOKEN_KEY,
        KeyName::Provision | KeyName::ProvisionSeal => Attributes::PROVISION_KEY,
        KeyName::Report => return Ok(report_key(processor, &TargetInfo::from(secs), &request.key_id)),
        KeyName::Seal => 0,
    };
    if needed != 0 && !has(needed) {
        return Err(KeyError::Attribute);
    }
    if request.cpu_svn.iter().zip(&processor.cpu_svn).any(|(wanted, ours)| wanted > ours) {
        return Err(KeyError::CpuSvn);
    }
    let config = request.policy.has(Policy::CONFIG_ID);
    if request.isv_svn > secs.isv_svn || (config && request.config_svn > secs.config_svn) {
        return Err(KeyError::IsvSvn);
    }
    Ok(sealing(name, &request, secs).derive(processor))
}

fn sealing(name: KeyName, request: &KeyRequest, secs: &Secs) -> Dependencies {
    // A key of a debug enclave is never that of another (REQUIRED_SEALING_MASK).
    let mask = Attributes { flags: request.attribute_mask.flags | Attributes::INIT | Attributes::DEBUG, xfrm: request.attribute_mask.xfrm };
    let common = Dependencies {
        name: name as u16,
        isv_svn: request.isv_svn,
        cpu_svn: request.cpu_svn,
        misc_select: secs.misc_select & request.misc_mask,
        misc_mask: !request.misc_mask,
        attributes: secs.attributes.masked(mask),
        attribute_mask: mask,
        ..Dependencies::default()
    };
    if name != KeyName::Seal {
        return Dependencies { mr_signer: secs.mr_signer, isv_prod_id: secs.isv_prod_id, ..common };
    }
    let has = |bit: u16| request.policy.has(bit);
    let mut key = Dependencies { policy: request.policy.0, key_id: request.key_id, ..common };
    if has(Policy::MR_ENCLAVE) {
        key.mr_enclave = secs.mr_enclave;
    }
    if has(Policy::MR_SIGNER) {
        key.mr_signer = secs.mr_signer;
    }
    if !has(Policy::NO_ISV_PROD_ID) {
        key.isv_prod_id = secs.isv_prod_id;
    }
    if has(Policy::CONFIG_ID) {
        key.config_id = secs.config_id;
        key.config_svn = request.config_svn;
    }
    if has(Policy::ISV_FAMILY_ID) {
        key.isv_family_id = secs.isv_family_id;
    }
    if has(Policy::ISV_EXT_PROD_ID) {
        key.isv_ext_prod_id = secs.isv_ext_prod_id;
    }
    key
}
