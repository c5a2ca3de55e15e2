//! Random replies and requests: none may panic.

use authentic_aesm::message::{InitQuoteResponse, KeyIdsResponse, QuoteRequest, QuoteResponse};
use authentic_aesm::message::{MAX_LENGTH, Request, Response, body_length, frame};
use authentic_testing::fuzz::fuzz;
use authentic_testing::memory::Counting;
use prost::Message;

#[global_allocator]
static MEMORY: Counting = Counting;

#[test]
fn messages() {
    let samples = [
        frame(&Response { init_quote: Some(InitQuoteResponse { target_info: Some(vec![1; 512]), ..Default::default() }), ..Default::default() }),
        frame(&Response { quote: Some(QuoteResponse { quote: Some(vec![3; 900]), ..Default::default() }), ..Default::default() }),
        frame(&Response { key_ids: Some(KeyIdsResponse { error_code: 0, att_key_ids: Some(vec![2; 512]) }), ..Default::default() }),
        frame(&Request { quote: Some(QuoteRequest { report: vec![5; 432], buf_size: 5000, ..Default::default() }), ..Default::default() }),
    ];
    let outcome = fuzz("messages of AESM", |random| {
        let bytes = random.changed(&samples);
        let Some((prefix, body)) = bytes.split_first_chunk::<4>() else { return false };
        if let Some(length) = body_length(*prefix) {
            assert!(length <= MAX_LENGTH);
        }
        let response = Response::decode(body).is_ok_and(|response| response.encoded_len() <= body.len() + 64);
        let request = Request::decode(body).is_ok_and(|request| request.encoded_len() <= body.len() + 64);
        response || request
    });
    outcome.reaches(100);
}
