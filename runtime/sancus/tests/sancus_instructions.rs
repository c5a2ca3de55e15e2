//! The Sancus instructions, executed on the machine, against vectors and timing measured on the hardware.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use authentic_sancus::crypto::{Key, Layout, mac, module_key, unwrap, vendor_key, verify_tag, wrap};
use authentic_sancus::{Machine, Stop};
use board::{Board, D, Program, S, TestModule, Z, hex, key_64, key_128};

const TEXT: &str = "b2407777000292420002100830406040";
const LAYOUT: Layout = Layout { public_start: 0x4098, public_end: 0x40a8, secret_start: 0x0200, secret_end: 0x0240 };

fn board_of(key: Key) -> Board {
    Board(Machine::builder().node_key(key).build())
}

fn enable_vector(board: &mut Board, tag_at: u16, nonce: u16) -> (u16, u64) {
    board.sancus(1, &[(9, tag_at), (10, nonce), (11, 0x1234), (12, 0x4098), (13, 0x40a8), (14, 0x0200), (15, 0x0240)])
}

#[test]
fn the_vector_module_enables_verifies_and_runs() {
    for (key, tag) in [(key_64(), "e864528dc013356b"), (key_128(), "")] {
        let security = key.security();
        let expected = verify_tag(security, &hex(TEXT), LAYOUT);
        assert!(tag.is_empty() || expected == hex(tag));
        let mut board = board_of(key);
        board.put_bytes(0x4098, &hex(TEXT)).put_bytes(0x0900, &expected);
        assert_eq!(enable_vector(&mut board, 0, 0).0, 1);
        assert_eq!(board.sancus(2, &[(14, 0x4098), (15, 0x0900)]).0, 1);
        assert_eq!(board.sancus(2, &[(14, 0x40a6), (15, 0x0900)]).0, 1, "any address of the text");
        board.put_bytes(0x0900, &[expected[0] ^ 1]);
        assert_eq!(board.sancus(2, &[(14, 0x4098), (15, 0x0900)]).0, 0, "another tag");
        assert_eq!(board.sancus(2, &[(14, 0x40a8), (15, 0x0900)]).0, 0, "no module there");

        board.program(&Program::at(0x4060).off());
        board.set(0, 0x4098);
        assert_eq!(board.0.run(100), Stop::CpuOff);
        assert_eq!(board.word(0x0810), 0x7777);
    }
}

#[test]
fn a_confidential_load_decrypts_in_place_and_measures_the_plaintext() {
    for (key, cipher, tag) in [
        (key_64(), "8ee875a60163348db0c720e94acc4d07", "96bdc9a247d1b6a3"),
        (key_128(), "15bd73bada18e6e7c91029d2c717cf4f", "e7e28f222bd9c2aab183baf78c94dc10"),
    ] {
        let expected = verify_tag(key.security(), &hex(TEXT), LAYOUT);
        let mut board = board_of(key);
        board.put_bytes(0x4098, &hex(cipher)).put_bytes(0x0900, &hex(tag)).put_bytes(0x0920, &expected);
        assert_eq!(enable_vector(&mut board, 0x0900, 0x315a).0, 1);
        assert_eq!(board.0.peek_range(0x4098, 16), hex(TEXT));
        assert_eq!(board.sancus(2, &[(14, 0x4098), (15, 0x0920)]).0, 1);
    }
}

#[test]
fn a_confidential_load_with_a_wrong_tag_nonce_or_vendor_enables_nothing_and_keeps_the_text_encrypted() {
    let cipher = hex("8ee875a60163348db0c720e94acc4d07");
    let tag = hex("96bdc9a247d1b6a3");
    for (change_tag, nonce, vendor) in [(1, 0x315a, 0x1234), (0, 0x315b, 0x1234), (0, 0x315a, 0x1235)] {
        let mut board = board_of(key_64());
        board.put_bytes(0x4098, &cipher).put_bytes(0x0900, &tag).put_bytes(0x0907, &[tag[7] ^ change_tag]);
        let registers = [(9, 0x0900), (10, nonce), (11, vendor), (12, 0x4098), (13, 0x40a8), (14, 0x0200), (15, 0x0240)];
        assert_eq!(board.sancus(1, &registers).0, 0);
        assert_eq!(board.0.peek_range(0x4098, 16), cipher);
        assert_eq!(board.0.modules().count(), 0);
    }
}

/// A module that wraps [r10, r11) and [r12, r13) under its own key and returns to r7.
fn wrapping_module(start: u16) -> TestModule {
    let program = Program::at(start).op("mov", S::Constant(0), D::Reg(9)).word(0x1384).op("mov", S::Reg(7), D::Reg(0));
    TestModule::new(program, (0x0200, 0x0240))
}

#[test]
fn a_module_s_own_key_is_the_derived_one() {
    for node in [key_64(), key_128()] {
        let module = wrapping_module(0x5000);
        let key = module_key(&vendor_key(&node, 0x1234), &module.program.bytes(), module.layout());
        let tag_bytes = node.security().tag_bytes();
        let mut board = board_of(node);
        assert_eq!(board.enable(&module), 1);
        board.put_bytes(0x0a00, b"nonce123").program(&Program::at(0x4800).off());
        for (r, value) in [(7, 0x4800), (10, 0x0a00), (11, 0x0a08), (12, 0), (13, 0), (14, 0), (15, 0x0b00)] {
            board.set(r, value);
        }
        board.set(0, 0x5000).run();
        assert_eq!(board.reg(15), 1);
        assert_eq!(board.0.peek_range(0x0b00, tag_bytes), mac(&key, b"nonce123"));
    }
}

/// Registers of wrap and unwrap with a key in memory: AD at 0xa10, body at 0xa20, output 0xa40, tag 0xa80.
fn crypt_registers(ad: u16, body: u16) -> [(usize, u16); 7] {
    [(9, 0x0a00), (10, 0x0a10), (11, 0x0a10 + ad), (12, 0x0a20), (13, 0x0a20 + body), (14, 0x0a40), (15, 0x0a80)]
}

#[test]
fn wrap_and_unwrap_with_a_key_in_memory_give_the_hardware_s_vector() {
    for (node, k, cipher, tag) in [
        (key_64(), "0102030405060708", "f59e365e", "e10d0bfdeea014b4"),
        (key_128(), "0102030405060708090a0b0c0d0e0f10", "89bbd794", "a97dd5b9665a1f7aec20affbdd7bbe25"),
    ] {
        let mut board = board_of(node);
        board.put_bytes(0x0a00, &hex(k)).put_bytes(0x0a10, &hex("11121314")).put_bytes(0x0a20, &hex("21222324"));
        assert_eq!(board.sancus(4, &crypt_registers(4, 4)).0, 1);
        assert_eq!(board.0.peek_range(0x0a40, 4), hex(cipher));
        assert_eq!(board.0.peek_range(0x0a80, tag.len() / 2), hex(tag));

        board.put_bytes(0x0a20, &hex(cipher)).put_bytes(0x0a40, &[0xee; 4]);
        assert_eq!(board.sancus(5, &crypt_registers(4, 4)).0, 1);
        assert_eq!(board.0.peek_range(0x0a40, 4), hex("21222324"));
        assert_eq!(board.reg(2) & Z, 0);
    }
}

#[test]
fn a_failed_unwrap_gives_0_and_leaves_the_output_alone() {
    let key = Key::from_hex("0102030405060708").unwrap();
    let mut body = hex("2122232425262728");
    let tag = wrap(&key, &hex("11121314"), &mut body);
    for bit in 0..64 {
        let mut board = board_of(key_64());
        let mut bad = tag.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        board.put_bytes(0x0a00, key.bytes()).put_bytes(0x0a10, &hex("11121314")).put_bytes(0x0a20, &body);
        board.put_bytes(0x0a40, &[0xee; 8]).put_bytes(0x0a80, &bad);
        assert_eq!(board.sancus(5, &crypt_registers(4, 8)).0, 0);
        assert_eq!(board.0.peek_range(0x0a40, 8), [0xee; 8]);
    }
}

#[test]
fn crypto_works_in_place() {
    let key = Key::from_hex("0102030405060708").unwrap();
    let mut expected = hex("3132333435363738");
    let tag = wrap(&key, &hex("1112"), &mut expected);
    let mut board = board_of(key_64());
    board.put_bytes(0x0a00, key.bytes()).put_bytes(0x0a10, &hex("1112")).put_bytes(0x0a20, &hex("3132333435363738"));
    let mut registers = crypt_registers(2, 8);
    registers[5].1 = 0x0a20;
    assert_eq!(board.sancus(4, &registers).0, 1);
    assert_eq!((board.0.peek_range(0x0a20, 8), board.0.peek_range(0x0a80, 8)), (expected.clone(), tag.clone()));
    assert_eq!(board.sancus(5, &registers).0, 1);
    assert_eq!(board.0.peek_range(0x0a20, 8), hex("3132333435363738"));
    unwrap(&key, &hex("1112"), &mut expected, &tag).unwrap();
}

#[test]
fn what_the_crypto_unit_cannot_do_gives_0() {
    let mut board = board_of(key_64());
    board.put_bytes(0x0a40, &[0xee; 4]).put_bytes(0x0a80, &[0xee; 8]);
    let own_key_outside = [(9, 0), (10, 0x0a10), (11, 0x0a14), (12, 0x0a20), (13, 0x0a24), (14, 0x0a40), (15, 0x0a80)];
    assert_eq!(board.sancus(4, &own_key_outside).0, 0);
    assert_eq!(board.sancus(5, &own_key_outside).0, 0);
    assert_eq!(board.sancus(4, &crypt_registers(0, 4)).0, 0, "no associated data");
    let mut backwards = crypt_registers(4, 4);
    backwards[4].1 = 0x0a1e;
    assert_eq!(board.sancus(4, &backwards).0, 0, "a body that ends before it starts");
    let mut board = board_of(key_64());
    board.put_bytes(0x0a00, &hex("0102030405060708")).put_bytes(0x0a10, &hex("11121314"));
    assert_eq!(board.sancus(4, &crypt_registers(4, 0)).0, 1, "a MAC");
    assert_eq!(board.sancus(5, &crypt_registers(4, 0)).0, 0, "unwrapping an empty body");
}

#[test]
fn ids_count_up_a_full_table_gives_0_and_a_failed_enable_costs_no_id() {
    let mut board = Board::new();
    let module = |i: u16| TestModule::new(Program::at(0x5000 + 0x100 * i).ret(), (0x0200 + 0x10 * i, 0x0210 + 0x10 * i));
    for i in 0..4 {
        let empty = [(10, 0), (11, 0), (12, 0x9000), (13, 0x9000), (14, 0), (15, 0)];
        assert_eq!(board.sancus(1, &empty).0, 0, "an empty text");
        let reversed = [(10, 0), (11, 0), (12, 0x9000), (13, 0x9002), (14, 0x0302), (15, 0x0300)];
        assert_eq!(board.sancus(1, &reversed).0, 0, "secret data that ends before it starts");
        assert_eq!(board.enable(&module(i)), i + 1);
    }
    assert_eq!(board.enable(&module(4)), 0, "four modules fit");
    for i in 0..4 {
        assert_eq!(board.sancus(6, &[(15, 0x5000 + 0x100 * i)]).0, i + 1);
    }
    assert_eq!(board.sancus(6, &[(15, 0x5002)]).0, 0);
    assert_eq!(board.sancus(6, &[(15, 0x0200)]).0, 0, "secret data does not name its module");
    assert_eq!(board.0.violations(), 0);
}

#[test]
fn an_empty_secret_section_is_allowed() {
    let mut board = Board::new();
    assert_eq!(board.enable(&TestModule::new(Program::at(0x5000).ret(), (0x0200, 0x0200))), 1);
}

#[test]
fn a_module_that_disables_itself_is_erased_and_continues_at_r15_and_its_slot_is_free() {
    let mut board = Board::new();
    let module = TestModule::new(Program::at(0x5000).set(15, 0x4800).word(0x1380).ret(), (0x0200, 0x0210));
    assert_eq!(board.enable(&module), 1);
    board.put(0x0200, &[0x1111; 8]).put(0x0210, &[0x2222]).program(&Program::at(0x4800).word(0x1387).off());
    board.put(0x5008, &[0x3333]);
    board.set(0, 0x5000).run();
    assert_eq!(board.0.peek_range(0x5000, 8), [0; 8]);
    assert_eq!(board.0.peek_range(0x0200, 16), [0; 16]);
    assert_eq!((board.word(0x5008), board.word(0x0210)), (0x3333, 0x2222), "nothing else is erased");
    assert_eq!(board.reg(15), 1, "the caller is the module that was");
    assert_eq!(board.0.modules().count(), 0);
    assert_eq!(board.enable(&module), 2, "ids are not reused");
}

#[test]
fn disable_outside_a_module_gives_0_and_falls_through() {
    let mut board = Board::new();
    let (r15, cycles) = board.sancus(0, &[(15, 0x4800)]);
    assert_eq!((r15, cycles, board.reg(0)), (0, 3, 0xf002));
}

#[test]
fn caller_ids_name_the_previous_distinct_domain() {
    let mut board = Board::new();
    assert_eq!(board.sancus(7, &[]).0, 0xffff, "after a reset");
    // Module 1 stores its caller and calls module 2, which stores its own.
    let first = Program::at(0x5000).word(0x1387).op("mov", S::Reg(15), D::Absolute(0x0200)).branch(0x5100);
    let second = Program::at(0x5100).word(0x1387).op("mov", S::Reg(15), D::Absolute(0x0210)).branch(0x4800);
    assert_eq!(board.enable(&TestModule::new(first, (0x0200, 0x0210))), 1);
    assert_eq!(board.enable(&TestModule::new(second, (0x0210, 0x0220))), 2);
    board.program(&Program::at(0x4800).word(0x1387).word(0x4303).word(0x1387).off());
    board.set(0, 0x5000).run();
    assert_eq!((board.word(0x0200), board.word(0x0210), board.reg(15)), (0, 1, 2));
}

#[test]
fn verify_previous_checks_the_caller() {
    let mut board = Board::new();
    // Module 2 verifies whoever called it against the tag at 0x900.
    let first = TestModule::new(Program::at(0x5000).branch(0x5100), (0x0200, 0x0210));
    let second = TestModule::new(Program::at(0x5100).set(15, 0x0900).word(0x1383).branch(0x4800), (0x0210, 0x0220));
    board.enable(&first);
    board.enable(&second);
    let tag = verify_tag(board.0.security(), &first.program.bytes(), first.layout());
    board.put_bytes(0x0900, &tag).program(&Program::at(0x4800).off());
    board.set(0, 0x5000).run();
    assert_eq!(board.reg(15), 1);
    board.set(2, 0).set(0, 0x5100).run();
    assert_eq!(board.reg(15), 0, "unprotected code has no measurement");
}

#[test]
fn every_instruction_with_a_result_clears_z() {
    for number in 0..8 {
        let mut board = board_of(key_64());
        board.put(0xf000, &[0x1380 + number]).set(2, Z).set(0, 0xf000);
        board.step();
        assert_eq!(board.reg(2) & Z, 0, "{number}");
    }
}

#[test]
fn timing_of_the_quick_instructions() {
    let mut board = Board::new();
    assert_eq!(board.sancus(6, &[(15, 0)]).1, 3);
    assert_eq!(board.sancus(7, &[]).1, 3);
    assert_eq!(board.sancus(0, &[]).1, 3);
    assert_eq!(board.sancus(8, &[(15, 0)]).1, 2);
    board.set(2, Z);
    assert_eq!(board.sancus(9, &[(15, 100)]), (100, 2));
    assert_eq!(board.reg(2) & Z, Z, "clix has no result and keeps Z");
    assert_eq!(board.sancus(10, &[]).1, 1);
    assert_eq!(board.sancus(15, &[]).1, 1);
}

#[test]
fn timing_of_the_crypto_instructions_follows_the_measured_formulas() {
    for (node, p, body_base, mac_base, enable_base, verify_base) in [(key_64(), 93, 939, 937, 1950, 1118), (key_128(), 173, 3123, 3121, 6382, 3454)] {
        for (a, b) in [(1u16, 1u16), (1, 7), (5, 1), (4, 16)] {
            let mut board = board_of(node.clone());
            let expected = body_base + p * (u64::from(a) + u64::from(b) - 2);
            assert_eq!(board.sancus(4, &crypt_registers(2 * a, 2 * b)).1, expected, "wrap of {a} and {b} words");
            assert_eq!(board.sancus(4, &crypt_registers(2 * a, 0)).1, mac_base + p * (u64::from(a) - 1), "MAC of {a} words");
        }
        for words in [1u16, 8, 100] {
            let mut board = board_of(node.clone());
            let layout = [(10, 0), (11, 1), (12, 0x5000), (13, 0x5000 + 2 * words), (14, 0x0200), (15, 0x0210)];
            assert_eq!(board.sancus(1, &layout), (1, enable_base + p * u64::from(words)));
            assert_eq!(board.sancus(2, &[(14, 0x5000), (15, 0x0900)]).1, verify_base + p * u64::from(words));
        }
    }
}

#[test]
fn a_reset_clears_the_table_the_ids_and_the_cycle_counter_but_not_memory() {
    let mut board = Board::new();
    assert_eq!(board.enable(&TestModule::new(Program::at(0x5000).ret(), (0x0200, 0x0210))), 1);
    board.put(0x0200, &[0xabcd]);
    board.0.reset();
    assert_eq!(board.0.modules().count(), 0);
    assert_eq!(board.word(0x0200), 0xabcd);
    assert_eq!(board.enable(&TestModule::new(Program::at(0x5000).ret(), (0x0200, 0x0210))), 1);
    board.run_program(&Program::at(0x4000).hold_watchdog().op("mov", S::Constant(0), D::Absolute(0x0190)).op("mov", S::Absolute(0x0190), D::Reg(5)).off());
    assert!(u64::from(board.reg(5)) < board.0.cycles(), "the counter started anew");
}
