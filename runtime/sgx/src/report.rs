//! TARGETINFO (SDM 38.16) and REPORT (SDM 38.15).

use crate::attributes::Attributes;
use crate::bytes::{get, put};
use crate::secs::Secs;

/// For whom a report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetInfo {
    /// MRENCLAVE of the enclave that verifies the report.
    pub mr_enclave: [u8; 32],
    /// Its attributes.
    pub attributes: Attributes,
    /// Its CONFIGSVN.
    pub config_svn: u16,
    /// Its MISCSELECT.
    pub misc_select: u32,
    /// Its CONFIGID.
    pub config_id: [u8; 64],
}

impl TargetInfo {
    /// Bytes of it.
    pub const LENGTH: usize = 512;

    /// From its bytes; reserved ones are not looked at, as EREPORT does.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self {
            mr_enclave: get(bytes, 0),
            attributes: Attributes::from_bytes(get(bytes, 32)),
            config_svn: u16::from_le_bytes(get(bytes, 50)),
            misc_select: u32::from_le_bytes(get(bytes, 52)),
            config_id: get(bytes, 64),
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        put(&mut bytes, 0, &self.mr_enclave);
        put(&mut bytes, 32, &self.attributes.to_bytes());
        put(&mut bytes, 50, &self.config_svn.to_le_bytes());
        put(&mut bytes, 52, &self.misc_select.to_le_bytes());
        put(&mut bytes, 64, &self.config_id);
        bytes
    }
}

impl From<&Secs> for TargetInfo {
    fn from(secs: &Secs) -> Self {
        Self {
            mr_enclave: secs.mr_enclave,
            attributes: secs.attributes,
            config_svn: secs.config_svn,
            misc_select: secs.misc_select,
            config_id: secs.config_id.0,
        }
    }
}

/// What a report says: the first 384 bytes of it, and the report body of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBody {
    /// Security version of the processor.
    pub cpu_svn: [u8; 16],
    /// Of the enclave, as all that follows.
    pub misc_select: u32,
    /// Extended product id (KSS).
    pub isv_ext_prod_id: [u8; 16],
    /// With `INIT`.
    pub attributes: Attributes,
    /// Measurement.
    pub mr_enclave: [u8; 32],
    /// Signer.
    pub mr_signer: [u8; 32],
    /// CONFIGID (KSS).
    pub config_id: [u8; 64],
    /// Product id.
    pub isv_prod_id: u16,
    /// Security version of the enclave.
    pub isv_svn: u16,
    /// With `config_id`.
    pub config_svn: u16,
    /// Family (KSS).
    pub isv_family_id: [u8; 16],
    /// What the enclave bound to the report.
    pub report_data: [u8; 64],
}

impl ReportBody {
    /// Bytes of it.
    pub const LENGTH: usize = 384;

    /// What EREPORT says about an enclave.
    pub fn new(secs: &Secs, cpu_svn: [u8; 16], report_data: [u8; 64]) -> Self {
        Self {
            cpu_svn,
            misc_select: secs.misc_select,
            isv_ext_prod_id: secs.isv_ext_prod_id,
            attributes: secs.attributes,
            mr_enclave: secs.mr_enclave,
            mr_signer: secs.mr_signer,
            config_id: secs.config_id.0,
            isv_prod_id: secs.isv_prod_id,
            isv_svn: secs.isv_svn,
            config_svn: secs.config_svn,
            isv_family_id: secs.isv_family_id,
            report_data,
        }
    }

    /// From its bytes.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self {
            cpu_svn: get(bytes, 0),
            misc_select: u32::from_le_bytes(get(bytes, 16)),
            isv_ext_prod_id: get(bytes, 32),
            attributes: Attributes::from_bytes(get(bytes, 48)),
            mr_enclave: get(bytes, 64),
            mr_signer: get(bytes, 128),
            config_id: get(bytes, 192),
            isv_prod_id: u16::from_le_bytes(get(bytes, 256)),
            isv_svn: u16::from_le_bytes(get(bytes, 258)),
            config_svn: u16::from_le_bytes(get(bytes, 260)),
            isv_family_id: get(bytes, 304),
            report_data: get(bytes, 320),
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        put(&mut bytes, 0, &self.cpu_svn);
        put(&mut bytes, 16, &self.misc_select.to_le_bytes());
        put(&mut bytes, 32, &self.isv_ext_prod_id);
        put(&mut bytes, 48, &self.attributes.to_bytes());
        put(&mut bytes, 64, &self.mr_enclave);
        put(&mut bytes, 128, &self.mr_signer);
        put(&mut bytes, 192, &self.config_id);
        put(&mut bytes, 256, &self.isv_prod_id.to_le_bytes());
        put(&mut bytes, 258, &self.isv_svn.to_le_bytes());
        put(&mut bytes, 260, &self.config_svn.to_le_bytes());
        put(&mut bytes, 304, &self.isv_family_id);
        put(&mut bytes, 320, &self.report_data);
        bytes
    }
}

/// A report: for one enclave on the same processor, authenticated with a key that only that enclave gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The bytes that are authenticated, reserved ones included.
    pub body: [u8; ReportBody::LENGTH],
    /// Selects the report key.
    pub key_id: [u8; 32],
    /// AES-CMAC over the body.
    pub mac: [u8; 16],
}

impl Report {
    /// Bytes of it.
    pub const LENGTH: usize = 432;

    /// From its bytes.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self { body: get(bytes, 0), key_id: get(bytes, 384), mac: get(bytes, 416) }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        put(&mut bytes, 0, &self.body);
        put(&mut bytes, 384, &self.key_id);
        put(&mut bytes, 416, &self.mac);
        bytes
    }
}
