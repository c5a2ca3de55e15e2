//! SEV-SNP reports, by the crate `sev`: report, signature and certificate chain. It leaves everything else to its caller.

use serde::Deserialize;
use sev::certs::snp::{Certificate, Chain, Verifiable, ca};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

use crate::Answer;

/// Report and certificates, DER.
#[derive(Deserialize)]
pub struct Request {
    #[serde(with = "hex")]
    report: Vec<u8>,
    #[serde(with = "hex")]
    leaf: Vec<u8>,
    #[serde(with = "hex")]
    authority: Vec<u8>,
    #[serde(with = "hex")]
    root: Vec<u8>,
}

pub fn judge(request: &Request) -> Result<Answer, String> {
    let certificate = |der: &[u8]| Certificate::from_der(der).map_err(|error| error.to_string());
    let chain = Chain {
        ca: ca::Chain { ark: certificate(&request.root)?, ask: certificate(&request.authority)? },
        vek: certificate(&request.leaf)?,
    };
    let report = AttestationReport::from_bytes(&request.report).map_err(|error| error.to_string())?;
    (&chain, &report).verify().map_err(|error| error.to_string())?;
    Ok(Answer::Accepted { status: String::new(), advisories: Vec::new() })
}
