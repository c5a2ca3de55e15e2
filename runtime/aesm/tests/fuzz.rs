//! Random replies and requests: none may panic. A million of them with `AUTHENTIC_FUZZ=full`.

use authentic_aesm::message::{InitQuoteResponse, KeyIdsResponse, QuoteRequest, QuoteResponse};
use authentic_aesm::message::{MAX_LENGTH, Request, Response, body_length, frame};
use authentic_testing::fuzz::{Random, one_in};
use prost::Message;

#[test]
fn messages() {
    let inputs = one_in(50);
    let mut random = Random::new("messages");
    let samples = [
        frame(&Response { init_quote: Some(InitQuoteResponse { target_info: Some(vec![1; 512]), ..Default::default() }), ..Default::default() }),
        frame(&Response { quote: Some(QuoteResponse { quote: Some(vec![3; 900]), ..Default::default() }), ..Default::default() }),
        frame(&Response { key_ids: Some(KeyIdsResponse { error_code: 0, att_key_ids: Some(vec![2; 512]) }), ..Default::default() }),
        frame(&Request { quote: Some(QuoteRequest { report: vec![5; 432], buf_size: 5000, ..Default::default() }), ..Default::default() }),
    ];
    let mut decoded = 0;
    for _ in 0..inputs {
        let mut bytes = samples[random.below(samples.len())].clone();
        random.mutate(&mut bytes);
        let Some((prefix, body)) = bytes.split_first_chunk::<4>() else { continue };
        if let Some(length) = body_length(*prefix) {
            assert!(length <= MAX_LENGTH);
        }
        let response = Response::decode(body).is_ok_and(|response| response.encoded_len() <= body.len() + 64);
        let request = Request::decode(body).is_ok_and(|request| request.encoded_len() <= body.len() + 64);
        decoded += u64::from(response || request);
    }
    assert!(decoded > inputs / 100 && decoded < inputs, "{decoded} of {inputs}: the inputs are too far from messages, or too near");
}
