//! The quoting enclave: verifies reports made for it, and signs DCAP quotes v3 of them
//! (Intel SGX ECDSA Quote Library Reference, appendix A.4).

use crate::certificates::pem;
use crate::identity::{PCE_SVN, QE_PRODUCT, QE_SVN, QE_VENDOR, qe};
use crate::keys::{Key, Keys};
use authentic_aesm::key_id::KeyId;
use authentic_sgx::{Processor, Report, ReportBody, TargetInfo, ereport, verify_report};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

const VERSION: u16 = 3;
const KEY_TYPE_P256: u16 = 2;
const CERTIFICATION_PCK_CHAIN: u16 = 5;
const HEADER: usize = 48;

/// Why there is no quote.
#[derive(Debug, thiserror::Error)]
pub enum QuoteError {
    /// It was not made on this processor for this enclave, or was changed.
    #[error("the report is not one of this processor for the quoting enclave")]
    Report,
    /// The processor's file cannot be used.
    #[error("the emulated processor cannot be used: {0}")]
    Processor(#[from] io::Error),
}

/// The quoting enclave of a platform.
pub struct QuotingEnclave {
    keys: Arc<Keys>,
    /// The processor's fuse key is read for each use, so that it stays in memory no longer.
    processor: PathBuf,
    /// X ‖ Y of the attestation key.
    point: [u8; 64],
    pck_chain: String,
}

impl QuotingEnclave {
    /// A quoting enclave on the processor with this file.
    ///
    /// # Errors
    /// Never for certificates that this program issued.
    pub fn new(keys: Arc<Keys>, processor: PathBuf) -> der::Result<Self> {
        let encoded = keys.signing(Key::Attestation).verifying_key().to_encoded_point(false);
        let point = std::array::from_fn(|index| encoded.as_bytes()[1 + index]);
        let platform = &keys.platform;
        let pck_chain = pem("CERTIFICATE", &[&platform.pck, &platform.pck_ca, &platform.root])?;
        Ok(Self { keys, processor, point, pck_chain })
    }

    /// For whom reports that are to be quoted are made.
    pub fn target(&self) -> TargetInfo {
        TargetInfo::from(&qe())
    }

    /// The identity of the attestation key, as AESM names it.
    pub fn key_id(&self) -> KeyId {
        KeyId::ecdsa_p256(&qe().mr_signer, QE_PRODUCT.into())
    }

    /// SHA-256 of the attestation key.
    pub fn public_key_id(&self) -> [u8; 32] {
        Sha256::digest(self.point).into()
    }

    /// Bytes of every quote.
    pub fn size(&self) -> usize {
        HEADER + ReportBody::LENGTH + 4 + 64 + 64 + ReportBody::LENGTH + 64 + 2 + AUTHENTICATION_DATA.len() + 2 + 4 + self.pck_chain.len()
    }

    /// Quotes a report.
    ///
    /// # Errors
    /// [`QuoteError`].
    pub fn quote(&self, report: &[u8; Report::LENGTH]) -> Result<Vec<u8>, QuoteError> {
        let processor = Processor::read(&self.processor)?;
        let report = Report::from_bytes(report);
        verify_report(&processor, &self.target(), &report).map_err(|_| QuoteError::Report)?;

        let mut quote = self.header();
        quote.extend_from_slice(&report.body);
        let signature: Signature = self.keys.signing(Key::Attestation).sign(&quote);
        let certification = self.certification(processor.cpu_svn);
        let length = 64 + 64 + certification.len();
        quote.extend_from_slice(&(length as u32).to_le_bytes());
        quote.extend_from_slice(&signature.to_bytes());
        quote.extend_from_slice(&self.point);
        quote.extend_from_slice(&certification);
        Ok(quote)
    }

    /// The quoting enclave's report to the enclave that asked for a quote: over SHA-256(nonce ‖ quote).
    ///
    /// # Errors
    /// The processor's file cannot be used.
    pub fn report_to(&self, target: &TargetInfo, nonce: &[u8], quote: &[u8], key_id: [u8; 32]) -> io::Result<[u8; Report::LENGTH]> {
        let processor = Processor::read(&self.processor)?;
        let data = report_data(Sha256::new().chain_update(nonce).chain_update(quote).finalize().into());
        Ok(ereport(&processor, &qe(), target, data, key_id).to_bytes())
    }

    fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(self.size());
        for field in [VERSION, KEY_TYPE_P256, 0, 0, QE_SVN, PCE_SVN] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        header.extend_from_slice(&QE_VENDOR);
        // User data: an identity of this quoting enclave, and four zeros.
        header.extend_from_slice(&self.public_key_id()[..16]);
        header.resize(HEADER, 0);
        header
    }

    /// How the PCK vouches for the attestation key.
    fn certification(&self, cpu_svn: [u8; 16]) -> Vec<u8> {
        let bound = Sha256::new().chain_update(self.point).chain_update(AUTHENTICATION_DATA).finalize();
        let report = ReportBody::new(&qe(), cpu_svn, report_data(bound.into())).to_bytes();
        let signature: Signature = self.keys.signing(Key::Pck).sign(&report);
        let mut certification = report.to_vec();
        certification.extend_from_slice(&signature.to_bytes());
        certification.extend_from_slice(&(AUTHENTICATION_DATA.len() as u16).to_le_bytes());
        certification.extend_from_slice(&AUTHENTICATION_DATA);
        certification.extend_from_slice(&CERTIFICATION_PCK_CHAIN.to_le_bytes());
        certification.extend_from_slice(&(self.pck_chain.len() as u32).to_le_bytes());
        certification.extend_from_slice(self.pck_chain.as_bytes());
        certification
    }
}

/// 0, 1, … 31, as in Intel's quotes.
const AUTHENTICATION_DATA: [u8; 32] = {
    let mut data = [0; 32];
    let mut index = 0;
    while index < 32 {
        data[index] = index as u8;
        index += 1;
    }
    data
};

fn report_data(hash: [u8; 32]) -> [u8; 64] {
    std::array::from_fn(|index| hash.get(index).copied().unwrap_or(0))
}
