//! Requests and replies. Field numbers are those of the PSW's `aesm_proto.proto`; messages and fields that ECDSA quotes
//! do not need are left out, and skipped where they occur. Time limits are microseconds.

use prost::Message;

/// Bytes of a message, of which a quote with its certificates is the largest part.
pub const MAX_LENGTH: usize = 64 << 10;

/// Codes in replies (PSW, `aesm_error.h`).
pub mod code {
    pub const SUCCESS: u32 = 0;
    pub const UNEXPECTED: u32 = 1;
    pub const PARAMETER: u32 = 3;
    pub const BUSY: u32 = 18;
    pub const MESSAGE: u32 = 22;
    pub const SERVICE_UNAVAILABLE: u32 = 30;
    pub const UNSUPPORTED_ATTESTATION_KEY: u32 = 38;
    pub const ATTESTATION_KEY_NOT_INITIALIZED: u32 = 42;
    pub const INVALID_REPORT: u32 = 47;
}

/// What a client asks; one of the members is present.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(message, optional, tag = "15")]
    pub init_quote: Option<InitQuoteRequest>,
    #[prost(message, optional, tag = "16")]
    pub quote_size: Option<QuoteSizeRequest>,
    #[prost(message, optional, tag = "17")]
    pub quote: Option<QuoteRequest>,
    #[prost(message, optional, tag = "21")]
    pub key_count: Option<KeyCountRequest>,
    #[prost(message, optional, tag = "22")]
    pub key_ids: Option<KeyIdsRequest>,
}

/// What the service answers: the member of the same name, or that it does not know the request.
#[derive(Clone, PartialEq, Message)]
pub struct Response {
    #[prost(message, optional, tag = "15")]
    pub init_quote: Option<InitQuoteResponse>,
    #[prost(message, optional, tag = "16")]
    pub quote_size: Option<QuoteSizeResponse>,
    #[prost(message, optional, tag = "17")]
    pub quote: Option<QuoteResponse>,
    #[prost(message, optional, tag = "20")]
    pub unsupported: Option<UnsupportedResponse>,
    #[prost(message, optional, tag = "21")]
    pub key_count: Option<KeyCountResponse>,
    #[prost(message, optional, tag = "22")]
    pub key_ids: Option<KeyIdsResponse>,
}

/// `InitQuoteExRequest`: the quoting enclave's target, and the attestation key's identity if it is asked for.
#[derive(Clone, PartialEq, Message)]
pub struct InitQuoteRequest {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub att_key_id: Option<Vec<u8>>,
    #[prost(bool, required, tag = "3")]
    pub b_pub_key_id: bool,
    #[prost(uint64, optional, tag = "4")]
    pub buf_size: Option<u64>,
    #[prost(uint32, optional, tag = "9")]
    pub timeout: Option<u32>,
}

/// `InitQuoteExResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct InitQuoteResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub target_info: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "3")]
    pub pub_key_id_size: Option<u64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub pub_key_id: Option<Vec<u8>>,
}

/// `GetQuoteSizeExRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct QuoteSizeRequest {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub att_key_id: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "9")]
    pub timeout: Option<u32>,
}

/// `GetQuoteSizeExResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct QuoteSizeResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
    #[prost(uint32, optional, tag = "2")]
    pub quote_size: Option<u32>,
}

/// `GetQuoteExRequest`. `qe_report_info` is nonce (16) ‖ TARGETINFO of the asking enclave (512) ‖ space for a REPORT (432).
#[derive(Clone, PartialEq, Message)]
pub struct QuoteRequest {
    #[prost(bytes = "vec", required, tag = "1")]
    pub report: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub att_key_id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub qe_report_info: Option<Vec<u8>>,
    #[prost(uint32, required, tag = "4")]
    pub buf_size: u32,
    #[prost(uint32, optional, tag = "9")]
    pub timeout: Option<u32>,
}

/// `GetQuoteExResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct QuoteResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub quote: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub qe_report_info: Option<Vec<u8>>,
}

/// `UnsupportedRequestResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct UnsupportedResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
}

/// `GetSupportedAttKeyIDNumRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct KeyCountRequest {
    #[prost(uint32, optional, tag = "9")]
    pub timeout: Option<u32>,
}

/// `GetSupportedAttKeyIDNumResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct KeyCountResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
    #[prost(uint32, optional, tag = "2")]
    pub att_key_id_num: Option<u32>,
}

/// `GetSupportedAttKeyIDsRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct KeyIdsRequest {
    #[prost(uint32, required, tag = "1")]
    pub buf_size: u32,
    #[prost(uint32, optional, tag = "9")]
    pub timeout: Option<u32>,
}

/// `GetSupportedAttKeyIDsResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct KeyIdsResponse {
    #[prost(uint32, required, tag = "1", default = "1")]
    pub error_code: u32,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub att_key_ids: Option<Vec<u8>>,
}

/// A message with its length in front, as the socket carries it.
pub fn frame(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&body);
    bytes
}

/// The body's length from the four bytes in front of it; `None` where it is out of bounds.
pub fn body_length(prefix: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(prefix)).ok().filter(|length| *length <= MAX_LENGTH)
}
