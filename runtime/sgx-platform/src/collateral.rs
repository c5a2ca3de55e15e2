//! What verifiers need beside a quote, always current: issued for 30 days, and anew when less than half of that is left.

use crate::certificates::{Subject, pem, revocation_list};
use crate::identity::{COMPONENTS, PCE_ID, PCE_SVN, QE_ATTRIBUTES, QE_PRODUCT, QE_SVN, TCB_DATE, qe_signer};
use crate::keys::{Key, Keys, PCK_CA};
use der::DateTime;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far documents reach into the past, for verifiers whose clocks are behind.
pub const CLOCK_MARGIN: Duration = Duration::from_secs(3600);
const VALIDITY: Duration = Duration::from_secs(30 * 86_400);
/// Number of the one evaluation of this platform's security versions.
pub const EVALUATION: u32 = 1;

/// The documents of one moment, as the service sends them.
pub struct Collateral {
    from: SystemTime,
    until: SystemTime,
    pub tcb_info: String,
    pub qe_identity: String,
    /// DER.
    pub pck_crl: Vec<u8>,
    /// DER.
    pub root_crl: Vec<u8>,
}

/// Issues collateral when it is asked for.
pub struct Issuer {
    keys: Arc<Keys>,
    current: Mutex<Option<Arc<Collateral>>>,
    /// TCB signing certificate and root, PEM.
    pub signing_chain: String,
    /// PCK CA and root, PEM.
    pub ca_chain: String,
}

impl Issuer {
    /// An issuer with the platform's keys.
    ///
    /// # Errors
    /// Never for certificates that this program issued.
    pub fn new(keys: Arc<Keys>) -> der::Result<Self> {
        let platform = &keys.platform;
        let signing_chain = pem("CERTIFICATE", &[&platform.tcb_signing, &platform.root])?;
        let ca_chain = pem("CERTIFICATE", &[&platform.pck_ca, &platform.root])?;
        Ok(Self { keys, current: Mutex::default(), signing_chain, ca_chain })
    }

    /// Collateral that is valid at `now`, and for at least 15 days more.
    ///
    /// # Errors
    /// The clock shows a year that certificates cannot express.
    pub fn at(&self, now: SystemTime) -> der::Result<Arc<Collateral>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(collateral) = current.as_ref()
            && collateral.from <= now
            && now + VALIDITY / 2 <= collateral.until
        {
            return Ok(collateral.clone());
        }
        let issued = Arc::new(issue(&self.keys, now)?);
        *current = Some(issued.clone());
        Ok(issued)
    }
}

fn issue(keys: &Keys, now: SystemTime) -> der::Result<Collateral> {
    // Whole seconds, which all documents express alike.
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let now = UNIX_EPOCH + Duration::from_secs(seconds);
    let (from, until) = (now - CLOCK_MARGIN, now + VALIDITY);
    let list = |common_name, key| {
        let key = keys.signing(key);
        revocation_list(&Subject { common_name, key: &key }, seconds, from, until)
    };
    let dates = (DateTime::try_from(from)?.to_string(), DateTime::try_from(until)?.to_string());
    Ok(Collateral {
        tcb_info: signed(keys, "tcbInfo", &tcb_info(keys, &dates)),
        qe_identity: signed(keys, "enclaveIdentity", &qe_identity(&dates)),
        pck_crl: list(PCK_CA, Key::PckCa)?,
        root_crl: list("Intel SGX Root CA", Key::Root)?,
        from,
        until,
    })
}

/// `{"<member>":<document>,"signature":"<hex>"}`: the signature covers the document's text.
fn signed(keys: &Keys, member: &str, document: &str) -> String {
    let signature: Signature = keys.signing(Key::TcbSigning).sign(document.as_bytes());
    format!("{{\"{member}\":{document},\"signature\":\"{}\"}}", hex(&signature.to_bytes()))
}

/// TCB information v3, members in Intel's order.
fn tcb_info(keys: &Keys, (issued, next): &(String, String)) -> String {
    let components: Vec<_> = COMPONENTS.map(|svn| format!("{{\"svn\":{svn}}}")).into();
    let level =
        format!("{{\"tcb\":{{\"sgxtcbcomponents\":[{}],\"pcesvn\":{PCE_SVN}}},\"tcbDate\":\"{TCB_DATE}\",\"tcbStatus\":\"UpToDate\"}}", components.join(","));
    object(
        &[
            ("id", json!("SGX")),
            ("version", json!(3)),
            ("issueDate", json!(issued)),
            ("nextUpdate", json!(next)),
            ("fmspc", json!(hex(&keys.platform.fmspc).to_uppercase())),
            ("pceId", json!(hex(&PCE_ID).to_uppercase())),
            ("tcbType", json!(0)),
            ("tcbEvaluationDataNumber", json!(EVALUATION)),
        ],
        &level,
    )
}

/// Identity of the quoting enclave, v2, members in Intel's order.
fn qe_identity((issued, next): &(String, String)) -> String {
    let level = format!("{{\"tcb\":{{\"isvsvn\":{QE_SVN}}},\"tcbDate\":\"{TCB_DATE}\",\"tcbStatus\":\"UpToDate\"}}");
    // XFRM is the processor's; the enclave's flags are compared except MODE64, which Intel leaves out too.
    let mask = [&[0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[0; 8]].concat();
    let attributes: Vec<u8> = QE_ATTRIBUTES.to_bytes().iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
    object(
        &[
            ("id", json!("QE")),
            ("version", json!(2)),
            ("issueDate", json!(issued)),
            ("nextUpdate", json!(next)),
            ("tcbEvaluationDataNumber", json!(EVALUATION)),
            ("miscselect", json!("00000000")),
            ("miscselectMask", json!("FFFFFFFF")),
            ("attributes", json!(hex(&attributes).to_uppercase())),
            ("attributesMask", json!(hex(&mask).to_uppercase())),
            ("mrsigner", json!(hex(&qe_signer()).to_uppercase())),
            ("isvprodid", json!(QE_PRODUCT)),
        ],
        &level,
    )
}

/// A JSON object with these members in this order, and one TCB level at the end.
fn object(members: &[(&str, serde_json::Value)], level: &str) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{},\"tcbLevels\":[{level}]}}", members.join(","))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn is_issued_anew_before_half_of_its_time_is_over_and_when_the_clock_goes_back() {
        let path = std::env::temp_dir().join(format!("authentic-issuer-{}", std::process::id()));
        let keys = Keys::open(&path, SystemTime::now());
        std::fs::remove_file(&path).unwrap();
        let issuer = Issuer::new(Arc::new(keys.unwrap())).unwrap();
        let start = SystemTime::now();
        let first = issuer.at(start).unwrap();
        let day = Duration::from_secs(86_400);
        assert!(Arc::ptr_eq(&first, &issuer.at(start + 14 * day).unwrap()));
        let second = issuer.at(start + 16 * day).unwrap();
        assert!(!Arc::ptr_eq(&first, &second) && second.until >= start + 45 * day);
        let third = issuer.at(start - 2 * day).unwrap();
        assert!(third.from <= start - 2 * day && third.pck_crl != second.pck_crl);
    }
}
