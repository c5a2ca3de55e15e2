//! C programs, compiled by Zig, give on the emulator what they give elsewhere.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod toolchain;

use authentic_sancus::image::Image;
use authentic_sancus::{Machine, Stop};
use toolchain::Folder;

fn crc16(data: &[u8]) -> u16 {
    data.iter().fold(0xffff, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 }))
}

#[test]
fn compiled_arithmetic_equals_the_host_s() {
    let folder = Folder::new("arithmetic");
    let file = std::fs::read(toolchain::program(&folder, &["start.S", "arithmetic.c"])).unwrap();
    let image = Image::parse(&file, 0).unwrap();
    assert!(image.has_reset_vector());
    let mut machine = Machine::builder().build();
    for piece in &image.pieces {
        machine.load(piece.address, &piece.bytes).unwrap();
    }
    machine.reset_to_power_on();
    assert_eq!(machine.run(10_000_000), Stop::CpuOff);
    assert_eq!((machine.illegal_opcodes(), machine.violations()), (0, 0));

    let (a, b, c, d) = (1234u16, 57u16, -1234i16, 57i16);
    let (e, f, g, shift) = (123_456_789u32, 98_765u32, -123_456_789i32, 13);
    let mut expected = Vec::new();
    for word in [a.wrapping_mul(b), a / b, a % b, (c / d) as u16, (c % d) as u16] {
        expected.extend(word.to_le_bytes());
    }
    for long in [e.wrapping_mul(f), e / f, e % f, (g / f as i32) as u32, (g >> shift) as u32, e << shift, e >> shift] {
        expected.extend(long.to_le_bytes());
    }
    assert_eq!(crc16(b"123456789"), 0x29b1, "the check value of CRC-16/CCITT-FALSE");
    expected.extend(0x29b1u16.to_le_bytes());
    let mut items: Vec<u8> = (0..16u16).map(|i| (i * 167 + 13) as u8).collect();
    items.sort_unstable();
    expected.extend(items);
    expected.extend(610u16.to_le_bytes());
    expected.extend(0xbeefu16.to_le_bytes());
    assert_eq!(machine.peek_range(0x0200, expected.len()), expected);
}
