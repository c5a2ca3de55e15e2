//! SGX and TDX quotes, by the crate `dcap-qvl`.

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use serde::Deserialize;

use crate::Answer;

#[derive(Deserialize)]
pub struct Request {
    #[serde(with = "hex")]
    quote: Vec<u8>,
    collateral: Collateral,
    /// Root certificate, DER; Intel's where it is empty.
    #[serde(with = "hex")]
    root: Vec<u8>,
    /// Seconds since 1970.
    at: u64,
}

/// The members of the published collateral files.
#[derive(Deserialize)]
struct Collateral {
    pck_crl_issuer_chain: String,
    #[serde(with = "hex")]
    root_ca_crl: Vec<u8>,
    #[serde(with = "hex")]
    pck_crl: Vec<u8>,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    #[serde(with = "hex")]
    tcb_info_signature: Vec<u8>,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    #[serde(with = "hex")]
    qe_identity_signature: Vec<u8>,
}

/// Verifies with the crate's defaults; the status is left to the caller's policy.
pub fn judge(Request { quote, collateral, root, at }: Request) -> Result<Answer, String> {
    let verifier = if root.is_empty() { QuoteVerifier::new_prod() } else { QuoteVerifier::new(root) };
    let report = verifier.verify(&quote, &collateral.into(), at).map_err(|error| format!("{error:#}"))?;
    Ok(Answer::Accepted { status: report.status, advisories: report.advisory_ids })
}

impl From<Collateral> for QuoteCollateralV3 {
    fn from(file: Collateral) -> Self {
        Self {
            pck_crl_issuer_chain: file.pck_crl_issuer_chain,
            root_ca_crl: file.root_ca_crl,
            pck_crl: file.pck_crl,
            tcb_info_issuer_chain: file.tcb_info_issuer_chain,
            tcb_info: file.tcb_info,
            tcb_info_signature: file.tcb_info_signature,
            qe_identity_issuer_chain: file.qe_identity_issuer_chain,
            qe_identity: file.qe_identity,
            qe_identity_signature: file.qe_identity_signature,
            pck_certificate_chain: None,
        }
    }
}
