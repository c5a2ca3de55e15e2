//! The calls for a quote, byte by byte, against a service that records them; and what becomes of wrong answers.
#![allow(clippy::unwrap_used)]

mod service;

use authentic_aesm::key_id::KeyId;
use authentic_aesm::{AesmError, Quoter};
use service::{Answer, SUCCESS, Service, bytes, number, refusal, reply, varint};
use std::path::Path;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(300);

/// An EPID key and the ECDSA key, in the layout of Intel's header.
fn key_ids() -> (Vec<u8>, Vec<u8>) {
    let (mut epid, mut ecdsa) = (vec![0; 256], vec![0; 256]);
    epid[154] = 0;
    ecdsa[4] = 32;
    ecdsa[6..38].fill(0x8c);
    ecdsa[54] = 1;
    ecdsa[154] = 2;
    (epid, ecdsa)
}

fn keys() -> Vec<Answer> {
    let (epid, ecdsa) = key_ids();
    vec![reply(21, &[SUCCESS.to_vec(), number(2, 2)]), reply(22, &[SUCCESS.to_vec(), bytes(2, &[epid, ecdsa].concat())])]
}

fn report() -> [u8; 432] {
    std::array::from_fn(|index| index as u8)
}

/// A quote with `signed` bytes of signature data, and `padding` zeros behind it.
fn quote(signed: usize, padding: usize) -> Vec<u8> {
    let mut quote = vec![3, 0, 2, 0];
    quote.resize(48, 7);
    quote.extend_from_slice(&report()[..384]);
    quote.extend_from_slice(&(signed as u32).to_le_bytes());
    quote.resize(quote.len() + signed, 9);
    quote.resize(quote.len() + padding, 0);
    quote
}

fn quotes(answer: Answer) -> Vec<Answer> {
    [keys(), vec![reply(16, &[SUCCESS.to_vec(), number(2, 5000)]), answer]].into_iter().flatten().collect()
}

/// The request without its time limit, which is the last member and at most what the operation has.
fn timed(request: &[u8], field: u64, members: &[Vec<u8>], limit: u64) {
    let known = members.concat();
    for length in 1..=5 {
        let (from, to) = (varint(1 << (7 * (length - 1))).len(), length as usize);
        assert_eq!(from, to);
        let Some(start) = request.len().checked_sub(to) else { continue };
        let value = request[start..].iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
        if value > 0 && value <= limit && request == bytes(field, &[&known[..], &number(9, value)].concat()) {
            return;
        }
    }
    panic!("{request:02x?} is not request {field}");
}

#[test]
fn asks_for_keys_target_size_and_quote() {
    let target: Vec<u8> = (0..512).map(|index| index as u8).collect();
    let mut answers = keys();
    answers.push(reply(15, &[SUCCESS.to_vec(), number(3, 32)]));
    answers.push(reply(15, &[SUCCESS.to_vec(), bytes(2, &target), number(3, 32), bytes(4, &[1; 32])]));
    answers.push(reply(16, &[SUCCESS.to_vec(), number(2, 5000)]));
    answers.push(reply(17, &[SUCCESS.to_vec(), bytes(2, &quote(600, 300))]));
    let service = Service::new("all", answers);

    let quoter = Quoter::connect(&service.path).unwrap();
    assert_eq!(quoter.target_info().unwrap()[..], target);
    assert_eq!(quoter.quote(&report()).unwrap(), quote(600, 0), "without the rest of the buffer");

    let requests = service.requests();
    let ecdsa = bytes(1, &key_ids().1);
    let limit = 20_000_000;
    timed(&requests[0], 21, &[], limit);
    timed(&requests[1], 22, &[number(1, 512)], limit);
    timed(&requests[2], 15, &[ecdsa.clone(), number(3, 0)], limit);
    timed(&requests[3], 15, &[ecdsa.clone(), number(3, 1), number(4, 32)], limit);
    timed(&requests[4], 16, &[ecdsa], limit);
    timed(&requests[5], 17, &[bytes(1, &report()), bytes(2, &key_ids().1), number(4, 5000)], limit);
    assert_eq!(requests.len(), 6);
}

#[test]
fn the_identity_of_an_ecdsa_key_has_intels_layout() {
    let id = KeyId::ecdsa_p256(&[0x8c; 32], 1);
    assert_eq!(id.as_bytes()[..], key_ids().1);
    assert_eq!(KeyId::from_bytes(&[0; 255]), None);
}

#[test]
fn initializes_a_service_that_was_started_anew() {
    let mut answers = keys();
    answers.push(refusal(16, 42));
    answers.push(reply(15, &[SUCCESS.to_vec(), number(3, 32)]));
    answers.push(reply(15, &[SUCCESS.to_vec(), bytes(2, &[0; 512])]));
    answers.push(reply(16, &[SUCCESS.to_vec(), number(2, 1036)]));
    answers.push(reply(17, &[SUCCESS.to_vec(), bytes(2, &quote(600, 0))]));
    let service = Service::new("anew", answers);
    assert_eq!(Quoter::connect(&service.path).unwrap().quote(&report()).unwrap(), quote(600, 0));
    assert_eq!(service.requests().len(), 7);
}

#[test]
fn says_why_there_is_no_quote() {
    let refused = |code: u64| format!("AE-AESM-REFUSED {code}");
    let cases: Vec<(&str, Answer, String)> = vec![
        ("report", refusal(17, 47), "AE-AESM-REPORT 47".into()),
        ("busy", refusal(17, 18), refused(18)),
        ("unknown", refusal(17, 9999), refused(9999)),
        ("no-code", reply(17, &[bytes(2, &quote(600, 0))]), refused(1)),
        ("other", reply(16, &[SUCCESS.to_vec()]), "AE-AESM-ANSWER".into()),
        ("unsupported", refusal(20, 30), "AE-AESM-ANSWER".into()),
        ("no-quote", reply(17, &[SUCCESS.to_vec()]), "AE-AESM-ANSWER".into()),
        ("short", reply(17, &[SUCCESS.to_vec(), bytes(2, &quote(600, 0)[..435])]), "AE-AESM-ANSWER".into()),
        ("cut", reply(17, &[SUCCESS.to_vec(), bytes(2, &quote(600, 0)[..1000])]), "AE-AESM-ANSWER".into()),
        ("tail", reply(17, &[SUCCESS.to_vec(), bytes(2, &[quote(600, 0), vec![1]].concat())]), "AE-AESM-ANSWER".into()),
        ("length", reply(17, &[SUCCESS.to_vec(), bytes(2, &[&quote(0, 0)[..432], &[0xff; 4]].concat())]), "AE-AESM-ANSWER".into()),
        ("large", reply(17, &[SUCCESS.to_vec(), bytes(2, &quote(16_000, 0))]), "AE-AESM-ANSWER".into()),
        ("version", reply(17, &[SUCCESS.to_vec(), bytes(2, &[&[4, 0, 2, 0], &quote(600, 0)[4..]].concat())]), "AE-AESM-ANSWER".into()),
        (
            "elses",
            reply(
                17,
                &[
                    SUCCESS.to_vec(),
                    bytes(2, &{
                        let mut other = quote(600, 0);
                        other[48] ^= 1;
                        other
                    }),
                ],
            ),
            "AE-AESM-ANSWER".into(),
        ),
        ("noise", Answer::Bytes([&5u32.to_le_bytes()[..], b"noise"].concat()), "AE-AESM-ANSWER".into()),
        ("half", Answer::Bytes([&500u32.to_le_bytes()[..], b"half"].concat()), "AE-AESM-ANSWER".into()),
        ("endless", Answer::Bytes(u32::MAX.to_le_bytes().into()), "AE-AESM-ANSWER".into()),
        ("nothing", Answer::Bytes(Vec::new()), "AE-AESM-ANSWER".into()),
        ("silence", Answer::Silence, "AE-AESM-TIMEOUT".into()),
    ];
    for (name, answer, expected) in cases {
        let service = Service::new(name, quotes(answer));
        let error = Quoter::connect_within(&service.path, SOON).unwrap().quote(&report()).unwrap_err();
        let code = if let AesmError::Refused { code } = error { format!(" {code}") } else { String::new() };
        assert_eq!(format!("{}{code}", error.code().0), expected, "{name}: {error}");
        assert!(!error.code().1.is_empty());
    }
}

#[test]
fn chooses_the_ecdsa_key_or_says_that_there_is_none() {
    let (epid, ecdsa) = key_ids();
    let count = |count| reply(21, &[SUCCESS.to_vec(), number(2, count)]);
    let cases = [
        ("none", vec![count(0)], "AE-AESM-ECDSA"),
        ("epid", vec![count(1), reply(22, &[SUCCESS.to_vec(), bytes(2, &epid)])], "AE-AESM-ECDSA"),
        ("many", vec![count(17)], "AE-AESM-ANSWER"),
        ("fewer", vec![count(2), reply(22, &[SUCCESS.to_vec(), bytes(2, &ecdsa)])], "AE-AESM-ANSWER"),
        ("refused", vec![refusal(21, 30)], "AE-AESM-REFUSED"),
    ];
    for (name, answers, expected) in cases {
        let service = Service::new(&format!("keys-{name}"), answers);
        assert_eq!(Quoter::connect_within(&service.path, SOON).unwrap_err().code().0, expected, "{name}");
    }
}

#[test]
fn refuses_wrong_target_information_and_sizes() {
    let size = |size| reply(15, &[SUCCESS.to_vec(), number(3, size)]);
    let target = |length| reply(15, &[SUCCESS.to_vec(), bytes(2, &vec![0; length])]);
    for (name, answers) in
        [("size", vec![size(1 << 40)]), ("no-size", vec![target(512)]), ("511", vec![size(32), target(511)]), ("513", vec![size(32), target(513)])]
    {
        let service = Service::new(&format!("target-{name}"), keys().into_iter().chain(answers).collect());
        let quoter = Quoter::connect_within(&service.path, SOON).unwrap();
        assert_eq!(quoter.target_info().unwrap_err().code().0, "AE-AESM-ANSWER", "{name}");
    }
    for size in [0, 435, 16_385, u64::from(u32::MAX)] {
        let service = Service::new(&format!("size-{size}"), keys().into_iter().chain([reply(16, &[SUCCESS.to_vec(), number(2, size)])]).collect());
        let quoter = Quoter::connect_within(&service.path, SOON).unwrap();
        assert_eq!(quoter.quote(&report()).unwrap_err().code().0, "AE-AESM-ANSWER", "{size}");
    }
}

#[test]
fn a_service_that_never_ends_its_answer_is_given_up() {
    let service = Service::new("trickle", vec![Answer::Trickle]);
    let started = Instant::now();
    let error = Quoter::connect_within(&service.path, SOON).unwrap_err();
    assert!(started.elapsed() >= SOON);
    assert_eq!(error.code().0, "AE-AESM-TIMEOUT", "{error}");
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let error = Quoter::connect(Path::new("/nowhere/aesm.socket")).unwrap_err();
    assert_eq!(error.code().0, "AE-AESM-UNREACHABLE");
    assert!(error.to_string().contains("/nowhere/aesm.socket"), "{error}");
}
