//! The client: which key, for which target, a quote of a report.

use crate::deadline::Deadline;
use crate::error::AesmError;
use crate::key_id::{ALGORITHM_ECDSA_P256, KeyId, LENGTH};
use crate::message::{InitQuoteRequest, InitQuoteResponse, KeyCountRequest, KeyIdsRequest, QuoteRequest, QuoteSizeRequest, Request, code};
use crate::{REPORT_LENGTH, TARGET_INFO_LENGTH};
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A platform has one EPID and a few ECDSA keys.
const MAX_KEYS: u32 = 16;
/// An ECDSA key's identity is the hash of it.
const MAX_PUBLIC_KEY_ID: u64 = 1024;
/// Verifiers take 16 KiB; a quote with a chain of three certificates has some 5 KB.
const MAX_QUOTE: usize = 16 << 10;
/// Header, report body, and the length of the signature data (Intel ECDSA Quote Library Reference, appendix A.4).
const QUOTE_PREFIX: usize = 48 + 384 + 4;
const ECDSA_QUOTE: [u8; 4] = [3, 0, 2, 0];

/// Quotes from one service, with its ECDSA P-256 key.
#[derive(Debug)]
pub struct Quoter {
    path: PathBuf,
    time_limit: Duration,
    key: KeyId,
}

impl Quoter {
    /// Asks the service on `path` for its keys and chooses the one for ECDSA P-256. Each operation has 20 seconds.
    ///
    /// # Errors
    /// The service is not there or does not have such a key.
    pub fn connect(path: &Path) -> Result<Self, AesmError> {
        Self::connect_within(path, TIME_LIMIT)
    }

    /// [`Quoter::connect`], with another time limit for each operation.
    ///
    /// # Errors
    /// The service is not there or does not have such a key.
    pub fn connect_within(path: &Path, time_limit: Duration) -> Result<Self, AesmError> {
        let deadline = Deadline::new(path, time_limit);
        let request = Request { key_count: Some(KeyCountRequest { timeout: deadline.microseconds() }), ..Request::default() };
        let reply = deadline.exchange(&request)?.key_count.ok_or(AesmError::Answer("another reply than that to the request"))?;
        succeeded(reply.error_code)?;
        let count = reply.att_key_id_num.filter(|count| *count <= MAX_KEYS).ok_or(AesmError::Answer("no sensible number of attestation keys"))?;
        if count == 0 {
            return Err(AesmError::NoEcdsa);
        }
        let buf_size = count * LENGTH as u32;
        let request = Request { key_ids: Some(KeyIdsRequest { buf_size, timeout: deadline.microseconds() }), ..Request::default() };
        let reply = deadline.exchange(&request)?.key_ids.ok_or(AesmError::Answer("another reply than that to the request"))?;
        succeeded(reply.error_code)?;
        let ids = reply.att_key_ids.filter(|ids| ids.len() == buf_size as usize).ok_or(AesmError::Answer("another number of attestation keys than before"))?;
        let key = ids.chunks_exact(LENGTH).filter_map(KeyId::from_bytes).find(|key| key.algorithm() == ALGORITHM_ECDSA_P256).ok_or(AesmError::NoEcdsa)?;
        Ok(Self { path: path.to_owned(), time_limit, key })
    }

    /// TARGETINFO of the quoting enclave: what a report that is to be quoted has to be made for. It changes when the
    /// platform's software does, so ask for it with every report.
    ///
    /// # Errors
    /// The service is gone or refuses.
    pub fn target_info(&self) -> Result<[u8; TARGET_INFO_LENGTH], AesmError> {
        self.initialize(&Deadline::new(&self.path, self.time_limit))
    }

    /// Quotes a report (432 bytes with key id and MAC). Nothing follows the quote in the result.
    ///
    /// # Errors
    /// [`AesmError::Refused`] with 47 where the report is not one of this machine for [`Quoter::target_info`].
    pub fn quote(&self, report: &[u8; REPORT_LENGTH]) -> Result<Vec<u8>, AesmError> {
        let deadline = Deadline::new(&self.path, self.time_limit);
        let size = match self.quote_size(&deadline) {
            // The service was started anew since it was asked for its target.
            Err(AesmError::Refused { code: code::ATTESTATION_KEY_NOT_INITIALIZED }) => {
                self.initialize(&deadline)?;
                self.quote_size(&deadline)?
            }
            other => other?,
        };
        let request = QuoteRequest {
            report: report.to_vec(),
            att_key_id: Some(self.key.as_bytes().to_vec()),
            qe_report_info: None,
            buf_size: size,
            timeout: deadline.microseconds(),
        };
        let reply = deadline.exchange(&Request { quote: Some(request), ..Request::default() })?.quote;
        let reply = reply.ok_or(AesmError::Answer("another reply than that to the request"))?;
        succeeded(reply.error_code)?;
        exact(reply.quote.ok_or(AesmError::Answer("no quote"))?, report)
    }

    fn quote_size(&self, deadline: &Deadline<'_>) -> Result<u32, AesmError> {
        let request = QuoteSizeRequest { att_key_id: Some(self.key.as_bytes().to_vec()), timeout: deadline.microseconds() };
        let reply = deadline.exchange(&Request { quote_size: Some(request), ..Request::default() })?.quote_size;
        let reply = reply.ok_or(AesmError::Answer("another reply than that to the request"))?;
        succeeded(reply.error_code)?;
        let bounds = QUOTE_PREFIX as u32..=MAX_QUOTE as u32;
        reply.quote_size.filter(|size| bounds.contains(size)).ok_or(AesmError::Answer("no sensible size of a quote"))
    }

    /// Two calls, as in Intel's library: the size of the key's identity, then the identity itself. The second makes the
    /// service load or generate the key; the identity is not needed here.
    fn initialize(&self, deadline: &Deadline<'_>) -> Result<[u8; TARGET_INFO_LENGTH], AesmError> {
        let call = |b_pub_key_id, buf_size| -> Result<InitQuoteResponse, AesmError> {
            let request = InitQuoteRequest { att_key_id: Some(self.key.as_bytes().to_vec()), b_pub_key_id, buf_size, timeout: deadline.microseconds() };
            let reply = deadline.exchange(&Request { init_quote: Some(request), ..Request::default() })?.init_quote;
            let reply = reply.ok_or(AesmError::Answer("another reply than that to the request"))?;
            succeeded(reply.error_code)?;
            Ok(reply)
        };
        let size = call(false, None)?.pub_key_id_size;
        let size = size.filter(|size| *size <= MAX_PUBLIC_KEY_ID).ok_or(AesmError::Answer("no sensible size of a key's identity"))?;
        let target_info = call(true, Some(size))?.target_info.unwrap_or_default();
        target_info.try_into().map_err(|_| AesmError::Answer("no target information of 512 bytes"))
    }
}

fn succeeded(error_code: u32) -> Result<(), AesmError> {
    if error_code == code::SUCCESS { Ok(()) } else { Err(AesmError::Refused { code: error_code }) }
}

/// The quote without what fills the rest of the service's buffer, which has to be zeros.
fn exact(mut quote: Vec<u8>, report: &[u8; REPORT_LENGTH]) -> Result<Vec<u8>, AesmError> {
    const NOT_ONE: AesmError = AesmError::Answer("no ECDSA quote v3 of the report");
    let prefix = quote.first_chunk::<QUOTE_PREFIX>().ok_or(NOT_ONE)?;
    let signed = u32::from_le_bytes([prefix[432], prefix[433], prefix[434], prefix[435]]);
    let length = usize::try_from(signed).ok().and_then(|signed| signed.checked_add(QUOTE_PREFIX)).ok_or(NOT_ONE)?;
    let is_one = prefix.starts_with(&ECDSA_QUOTE) && prefix[48..432] == report[..384] && length <= quote.len().min(MAX_QUOTE);
    if !is_one || quote[length..].iter().any(|byte| *byte != 0) {
        return Err(NOT_ONE);
    }
    quote.truncate(length);
    Ok(quote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use authentic_testing::fuzz::fuzz;
    use authentic_testing::memory::Counting;

    #[global_allocator]
    static MEMORY: Counting = Counting;

    #[test]
    fn quotes_of_a_hostile_service() {
        let report = [7; REPORT_LENGTH];
        let mut quote = vec![0; QUOTE_PREFIX + 600];
        quote[..4].copy_from_slice(&ECDSA_QUOTE);
        quote[48..432].copy_from_slice(&report[..384]);
        quote[432..436].copy_from_slice(&500u32.to_le_bytes());
        quote[QUOTE_PREFIX..QUOTE_PREFIX + 500].fill(9);
        fuzz("quotes of a hostile service", |random| {
            let given = random.changed(&[&quote]);
            exact(given.clone(), &report).is_ok_and(|kept| {
                assert!(kept.len() <= MAX_QUOTE && given.starts_with(&kept) && given[kept.len()..].iter().all(|byte| *byte == 0));
                true
            })
        })
        .reaches(100);
    }
}
