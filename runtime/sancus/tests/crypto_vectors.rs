//! SpongeWrap and the key hierarchy against vectors taken from the Sancus hardware.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

use authentic_sancus::crypto::{AuthenticationFailed, Key, KeyError, Layout, Security, mac, module_key, unwrap, vendor_key, verify_tag, wrap};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn key(text: &str) -> Key {
    Key::from_hex(text).unwrap()
}

const NODE_64: &str = "deadbeefcafebabe";
const NODE_128: &str = "deadbeefcafebabec0defeeddefec8ed";
const TEXT: &str = "b2407777000292420002100830406040";
const LAYOUT: Layout = Layout { public_start: 0x4098, public_end: 0x40a8, secret_start: 0x0200, secret_end: 0x0240 };

#[test]
fn vendor_keys_are_those_of_the_hardware() {
    assert_eq!(vendor_key(&key(NODE_64), 0x1234).bytes(), hex("4078d505d82099ba"));
    assert_eq!(vendor_key(&key(NODE_64), 0x4444).bytes(), hex("d0b0a0ede8991459"));
    assert_eq!(vendor_key(&key(NODE_128), 0x1234).bytes(), hex("0b7bf3ae40880a8be430d0da34fb76f0"));
}

#[test]
fn module_keys_and_verify_tags_are_those_of_the_hardware() {
    let text = hex(TEXT);
    assert_eq!(module_key(&vendor_key(&key(NODE_64), 0x1234), &text, LAYOUT).bytes(), hex("7b9ffbb91999f6c0"));
    assert_eq!(verify_tag(Security::Bits64, &text, LAYOUT), hex("e864528dc013356b"));
    assert_eq!(module_key(&vendor_key(&key(NODE_128), 0x1234), &text, LAYOUT).bytes(), hex("6304395a4f0072833c35e427fac66c37"));
}

#[test]
fn wrapping_gives_the_hardware_s_ciphers_and_tags() {
    for (k, cipher, tag) in
        [("0102030405060708", "f59e365e", "e10d0bfdeea014b4"), ("0102030405060708090a0b0c0d0e0f10", "89bbd794", "a97dd5b9665a1f7aec20affbdd7bbe25")]
    {
        let mut body = hex("21222324");
        assert_eq!(wrap(&key(k), &hex("11121314"), &mut body), hex(tag));
        assert_eq!(body, hex(cipher));
    }
}

#[test]
fn confidential_text_is_the_hardware_s() {
    for (node, cipher, tag) in
        [(NODE_64, "8ee875a60163348db0c720e94acc4d07", "96bdc9a247d1b6a3"), (NODE_128, "15bd73bada18e6e7c91029d2c717cf4f", "e7e28f222bd9c2aab183baf78c94dc10")]
    {
        let vendor = vendor_key(&key(node), 0x1234);
        let mut body = hex(TEXT);
        assert_eq!(wrap(&vendor, &hex("5a31"), &mut body), hex(tag));
        assert_eq!(body, hex(cipher));
        unwrap(&vendor, &hex("5a31"), &mut body, &hex(tag)).unwrap();
        assert_eq!(body, hex(TEXT));
    }
}

#[test]
fn unwrapping_refuses_every_changed_bit_and_leaves_the_body_alone() {
    for k in ["0102030405060708", "0102030405060708090a0b0c0d0e0f10"] {
        let k = key(k);
        let associated = hex("11121314");
        let mut cipher = hex("2122232425262728");
        let tag = wrap(&k, &associated, &mut cipher);
        let all = [associated.clone(), cipher.clone(), tag.clone()].concat();
        for bit in 0..all.len() * 8 {
            let mut changed = all.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let (a, rest) = changed.split_at(4);
            let (body, t) = rest.split_at(8);
            let mut out = body.to_vec();
            assert_eq!(unwrap(&k, a, &mut out, t), Err(AuthenticationFailed), "bit {bit}");
            assert_eq!(out, body, "bit {bit}");
        }
    }
}

#[test]
fn unwrapping_refuses_a_short_tag_and_an_empty_body() {
    let k = key("0102030405060708");
    let mut body = hex("2122");
    let tag = wrap(&k, &hex("1112"), &mut body);
    assert_eq!(unwrap(&k, &hex("1112"), &mut body, &tag[..6]), Err(AuthenticationFailed));
    assert_eq!(unwrap(&k, &hex("1112"), &mut body, &[]), Err(AuthenticationFailed));
    assert_eq!(unwrap(&k, &hex("1112"), &mut [], &mac(&k, &hex("1112"))), Err(AuthenticationFailed));
}

#[test]
fn keys_of_another_length_or_alphabet_are_refused_and_never_shown() {
    assert_eq!(Key::from_hex("0102"), Err(KeyError::Length(2)));
    assert_eq!(Key::from_hex(&"00".repeat(17)), Err(KeyError::Length(17)));
    assert_eq!(Key::from_hex("0102030405060x08"), Err(KeyError::NotHexadecimal));
    assert_eq!(Key::from_hex("010203040506070"), Err(KeyError::NotHexadecimal));
    assert_eq!(Key::from_hex("ééééé"), Err(KeyError::NotHexadecimal));
    assert_eq!(format!("{:?}", key(NODE_64)), "Key(Bits64, hidden)");
}
