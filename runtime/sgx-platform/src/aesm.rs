//! The quoting service: AESM's protocol in front of the quoting enclave. One request a connection, as AESM takes them.

use crate::quoting::{QuoteError, QuotingEnclave};
use authentic_aesm::key_id::{self, KeyId};
use authentic_aesm::message::{
    InitQuoteRequest, InitQuoteResponse, KeyCountResponse, KeyIdsRequest, KeyIdsResponse, QuoteRequest, QuoteResponse, QuoteSizeRequest, QuoteSizeResponse,
    Request, Response, UnsupportedResponse, body_length, code, frame,
};
use authentic_serve::places::{Admission, Places, Served};
use authentic_sgx::{Report, TargetInfo};
use prost::Message;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const EXCHANGE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 256;
/// Nonce ‖ TARGETINFO ‖ REPORT.
const QE_REPORT_INFO: usize = 16 + TargetInfo::LENGTH + Report::LENGTH;

/// AESM for one quoting enclave.
pub struct Service {
    enclave: QuotingEnclave,
    /// The attestation key is certified when a client asks for its identity, as in Intel's service.
    initialized: AtomicBool,
}

impl Service {
    pub fn new(enclave: QuotingEnclave) -> Self {
        Self { enclave, initialized: AtomicBool::new(false) }
    }

    /// Serves a socket for ever.
    pub async fn serve(self: Arc<Self>, listener: UnixListener) {
        let places = Places::new(CONNECTIONS);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let service = self.clone();
                    let admission = places.admit(|served| async move {
                        match tokio::time::timeout(EXCHANGE, service.exchange(stream, served)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => tracing::debug!(%error, "a connection to the quoting service broke"),
                            Err(_) => tracing::debug!("a client of the quoting service was silent"),
                        }
                    });
                    if admission == Admission::Refused {
                        tracing::warn!("refusing a client of the quoting service: {CONNECTIONS} are being served");
                    }
                }
                Err(error) => {
                    // Out of descriptors, most likely: others may close theirs meanwhile.
                    tracing::warn!(%error, "cannot accept a connection to the quoting service");
                    places.give_up();
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn exchange(&self, mut stream: UnixStream, served: Served) -> io::Result<()> {
        let mut prefix = [0; 4];
        stream.read_exact(&mut prefix).await?;
        let length = body_length(prefix).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        served.set(true);
        stream.write_all(&frame(&self.answer(&body))).await?;
        stream.shutdown().await
    }

    /// Answers one request.
    pub fn answer(&self, body: &[u8]) -> Response {
        let mut response = Response::default();
        match Request::decode(body) {
            Ok(Request { init_quote: Some(request), .. }) => response.init_quote = Some(self.init_quote(&request)),
            Ok(Request { quote_size: Some(request), .. }) => response.quote_size = Some(self.quote_size(&request)),
            Ok(Request { quote: Some(request), .. }) => response.quote = Some(self.quote(&request)),
            Ok(Request { key_count: Some(_), .. }) => response.key_count = Some(KeyCountResponse { error_code: code::SUCCESS, att_key_id_num: Some(1) }),
            Ok(Request { key_ids: Some(request), .. }) => response.key_ids = Some(self.key_ids(&request)),
            Ok(_) => response.unsupported = Some(UnsupportedResponse { error_code: code::SERVICE_UNAVAILABLE }),
            Err(_) => response.unsupported = Some(UnsupportedResponse { error_code: code::MESSAGE }),
        }
        response
    }

    fn key_ids(&self, request: &KeyIdsRequest) -> KeyIdsResponse {
        if request.buf_size as usize != key_id::LENGTH {
            return KeyIdsResponse { error_code: code::PARAMETER, att_key_ids: None };
        }
        KeyIdsResponse { error_code: code::SUCCESS, att_key_ids: Some(self.enclave.key_id().as_bytes().to_vec()) }
    }

    /// There is one key; a client may name it, or leave the choice to the service.
    fn check_key(&self, wanted: Option<&Vec<u8>>) -> Result<(), u32> {
        match wanted.map(|bytes| KeyId::from_bytes(bytes)) {
            None => Ok(()),
            Some(None) => Err(code::PARAMETER),
            Some(Some(key)) if key == self.enclave.key_id() => Ok(()),
            Some(Some(_)) => Err(code::UNSUPPORTED_ATTESTATION_KEY),
        }
    }

    fn check_ready(&self, wanted: Option<&Vec<u8>>) -> Result<(), u32> {
        self.check_key(wanted)?;
        if self.initialized.load(Ordering::Relaxed) { Ok(()) } else { Err(code::ATTESTATION_KEY_NOT_INITIALIZED) }
    }

    fn init_quote(&self, request: &InitQuoteRequest) -> InitQuoteResponse {
        let refused = |error_code| InitQuoteResponse { error_code, ..InitQuoteResponse::default() };
        if let Err(error_code) = self.check_key(request.att_key_id.as_ref()) {
            return refused(error_code);
        }
        let identity = self.enclave.public_key_id();
        if !request.b_pub_key_id {
            return InitQuoteResponse { error_code: code::SUCCESS, pub_key_id_size: Some(identity.len() as u64), ..InitQuoteResponse::default() };
        }
        if request.buf_size != Some(identity.len() as u64) {
            return refused(code::PARAMETER);
        }
        self.initialized.store(true, Ordering::Relaxed);
        InitQuoteResponse {
            error_code: code::SUCCESS,
            target_info: Some(self.enclave.target().to_bytes().to_vec()),
            pub_key_id_size: Some(identity.len() as u64),
            pub_key_id: Some(identity.to_vec()),
        }
    }

    fn quote_size(&self, request: &QuoteSizeRequest) -> QuoteSizeResponse {
        match self.check_ready(request.att_key_id.as_ref()) {
            Ok(()) => QuoteSizeResponse { error_code: code::SUCCESS, quote_size: Some(self.enclave.size() as u32) },
            Err(error_code) => QuoteSizeResponse { error_code, quote_size: None },
        }
    }

    fn quote(&self, request: &QuoteRequest) -> QuoteResponse {
        self.try_quote(request).unwrap_or_else(|error_code| QuoteResponse { error_code, ..QuoteResponse::default() })
    }

    fn try_quote(&self, request: &QuoteRequest) -> Result<QuoteResponse, u32> {
        self.check_ready(request.att_key_id.as_ref())?;
        let report: &[u8; Report::LENGTH] = request.report.as_slice().try_into().map_err(|_| code::PARAMETER)?;
        let info = request.qe_report_info.as_ref();
        if (request.buf_size as usize) < self.enclave.size() || info.is_some_and(|info| info.len() != QE_REPORT_INFO) {
            return Err(code::PARAMETER);
        }
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "no quote");
            code::UNEXPECTED
        };
        let quote = self.enclave.quote(report).map_err(|error| match error {
            QuoteError::Report => {
                tracing::warn!("a report was not made on this processor for the quoting enclave");
                code::INVALID_REPORT
            }
            QuoteError::Processor(error) => failed(&error),
        })?;
        let qe_report_info = info.map(|info| self.with_report(info, &quote)).transpose().map_err(|error| failed(&error))?;
        Ok(QuoteResponse { error_code: code::SUCCESS, quote: Some(quote), qe_report_info })
    }

    /// Puts the quoting enclave's report into the space for it.
    fn with_report(&self, info: &[u8], quote: &[u8]) -> io::Result<Vec<u8>> {
        let (nonce, rest) = info.split_at(16);
        let target = rest.first_chunk().map(TargetInfo::from_bytes).ok_or(io::ErrorKind::InvalidInput)?;
        let mut key_id = [0; 32];
        getrandom(&mut key_id[..], GetRandomFlags::empty())?;
        let report = self.enclave.report_to(&target, nonce, quote, key_id)?;
        Ok([&info[..QE_REPORT_INFO - Report::LENGTH], &report].concat())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::identity::{COMPONENTS, qe};
    use crate::keys::Keys;
    use authentic_sgx::{Processor, Secs, ereport};
    use authentic_testing::fuzz::Harness;
    use std::time::SystemTime;

    /// Requests with random changes, of which a few stay good: every answer has one member, and no quote but of a report
    /// that the processor made.
    #[test]
    fn requests() {
        let folder = std::env::temp_dir().join(format!("authentic-answers-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let keys = Arc::new(Keys::open(&folder.join("keys"), SystemTime::now()).unwrap());
        let processor = Processor::create(&folder.join("processor"), COMPONENTS).unwrap();
        let service = Service::new(QuotingEnclave::new(keys, folder.join("processor")).unwrap());
        service.initialized.store(true, Ordering::Relaxed);
        let key = service.enclave.key_id().as_bytes().to_vec();
        let report = ereport(&processor, &Secs::default(), &TargetInfo::from(&qe()), [7; 64], [1; 32]).to_bytes();
        let quote = QuoteRequest { report: report.to_vec(), att_key_id: Some(key.clone()), qe_report_info: None, buf_size: 8192, timeout: None };
        let samples = [
            Request {
                init_quote: Some(InitQuoteRequest { att_key_id: Some(key.clone()), b_pub_key_id: true, buf_size: Some(32), timeout: None }),
                ..Request::default()
            },
            Request { quote_size: Some(QuoteSizeRequest { att_key_id: Some(key), timeout: Some(1) }), ..Request::default() },
            Request { key_ids: Some(KeyIdsRequest { buf_size: 256, timeout: None }), ..Request::default() },
            Request { quote: Some(quote), ..Request::default() },
        ]
        .map(|request| request.encode_to_vec());
        let harness = Harness { name: "requests to the quoting service", memory: 1 << 20, slow: 10 };
        let outcome = harness.run(|random| {
            let body = random.changed(&samples);
            let answer = service.answer(&body);
            let members = [
                answer.init_quote.is_some(),
                answer.quote_size.is_some(),
                answer.quote.is_some(),
                answer.key_ids.is_some(),
                answer.key_count.is_some(),
                answer.unsupported.is_some(),
            ];
            assert_eq!(members.iter().filter(|present| **present).count(), 1);
            answer.quote.and_then(|answer| answer.quote).is_some_and(|quote| {
                assert_eq!(quote[48..432], report[..384]);
                true
            })
        });
        std::fs::remove_dir_all(folder).unwrap();
        outcome.reaches(200);
    }
}
