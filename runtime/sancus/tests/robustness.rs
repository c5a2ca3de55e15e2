//! Random programs, random bus use and random files never panic, hang or take unbounded memory.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;

use authentic_sancus::crypto::Key;
use authentic_sancus::disassemble::disassemble;
use authentic_sancus::image::Image;
use authentic_sancus::{Machine, Stop};
use board::{key_64, key_128};

/// xorshift64*: repeatable and without a dependency.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let value = self.next().to_le_bytes();
            chunk.copy_from_slice(&value[..chunk.len()]);
        }
    }
}

/// A machine full of random bytes, with modules enabled at random places and Sancus opcodes sprinkled in.
fn random_machine(random: &mut Random, key: Key, quirks: bool) -> Machine {
    let mut machine = Machine::builder().node_key(key).hardware_quirks(quirks).build();
    let mut ram = vec![0; 10 * 1024];
    let mut program = vec![0; 48 * 1024];
    random.fill(&mut ram);
    random.fill(&mut program);
    for _ in 0..200 {
        let at = random.below(24 * 1024) as usize * 2;
        program[at..at + 2].copy_from_slice(&(0x1380 + random.below(12) as u16).to_le_bytes());
    }
    machine.load(0x0200, &ram).unwrap();
    machine.load(0x4000, &program).unwrap();
    machine.reset_to_power_on();
    for _ in 0..6 {
        let start = 0x4000 + random.below(0xb000) as u16;
        let secret = random.below(0x2a00) as u16;
        let registers = [
            (0, 0xf000),
            (9, random.next() as u16),
            (10, (random.below(4) == 0) as u16),
            (12, start),
            (13, start.saturating_add(random.below(0x200) as u16)),
            (14, secret),
            (15, secret.saturating_add(random.below(0x200) as u16)),
        ];
        let here = machine.peek_range(0xf000, 2);
        machine.load(0xf000, &[0x81, 0x13]).unwrap();
        for (register, value) in registers {
            machine.set_register(register, value);
        }
        machine.step();
        machine.load(0xf000, &here).unwrap();
    }
    for register in 0..16 {
        machine.set_register(register, random.next() as u16);
    }
    machine
}

#[test]
fn a_million_random_instructions_do_not_panic() {
    let mut random = Random(0x5eed_0001);
    let mut instructions = 0;
    let mut violations = 0;
    let mut kinds = [0u32; 4];
    for round in 0.. {
        if instructions >= 1_200_000 {
            break;
        }
        let key = if round % 2 == 0 { key_64() } else { key_128() };
        let mut machine = random_machine(&mut random, key, round % 3 == 0);
        for _ in 0..20 {
            machine.drive_pins(1 + random.below(6) as u8, random.next() as u8, random.next() as u8);
            machine.drive_capture(random.below(3) as usize, random.below(2) == 0);
            machine.send_to_uart(random.below(2) as usize, &random.next().to_le_bytes());
            match machine.run(20_000) {
                Stop::Budget => kinds[0] += 1,
                Stop::CpuOff => {
                    kinds[1] += 1;
                    machine.set_register(2, 0);
                }
                Stop::UnhandledViolation(_) => {
                    kinds[2] += 1;
                    machine.reset();
                }
                Stop::Requested => kinds[3] += 1,
            }
            machine.set_register(0, random.next() as u16);
            assert!(machine.registers()[0] & 1 == 0 && machine.registers()[1] & 1 == 0);
            assert!(machine.modules().count() <= 4);
        }
        instructions += machine.instructions();
        violations += machine.violations();
    }
    assert!(violations > 0 && kinds[0] > 0 && kinds[1] > 0 && kinds[3] == 0, "the inputs reach little: {violations}, {kinds:?}");
}

#[test]
fn runs_are_repeatable_cycle_by_cycle() {
    let run = |slice: u64| {
        let mut machine = random_machine(&mut Random(77), key_64(), false);
        machine.set_register(0, 0x4000);
        while machine.cycles() < 200_000 {
            let left = 200_000 - machine.cycles();
            match machine.run(slice.min(left)) {
                Stop::Budget => {}
                _ => break,
            }
        }
        (machine.cycles(), machine.instructions(), *machine.registers(), machine.peek_range(0x0200, 0x2800))
    };
    assert_eq!(run(u64::MAX), run(1), "one instruction at a time gives the same as one run");
}

/// A small genuine ELF: one segment, a text section and the section names.
fn elf(sections: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    let base = 52 + 32;
    let mut headers = vec![0u8; 40];
    for (kind, address, bytes) in sections {
        let words = [0, *kind, 2, *address, base + data.len() as u32, bytes.len() as u32, 0, 0, 2, 0];
        headers.extend(words.iter().flat_map(|w: &u32| w.to_le_bytes()));
        data.extend_from_slice(bytes);
    }
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2u16, 105].iter().flat_map(|h| h.to_le_bytes()));
    let section_table = base + data.len() as u32;
    file.extend([1u32, 0x4000, 52, section_table, 0].iter().flat_map(|w| w.to_le_bytes()));
    file.extend([52u16, 32, 1, 40, sections.len() as u16 + 1, 0].iter().flat_map(|h| h.to_le_bytes()));
    // One PT_LOAD over all of it, loaded at 0x4000 for addresses at 0x200.
    let length = data.len() as u32;
    file.extend([1u32, base, 0x0200, 0x4000, length, length, 5, 2].iter().flat_map(|w| w.to_le_bytes()));
    file.extend(data);
    file.extend(headers);
    file
}

#[test]
fn a_section_goes_where_its_segment_s_load_address_puts_it() {
    let image = Image::parse(&elf(&[(1, 0x0200, &[1, 2, 3, 4]), (1, 0x0204, &[5, 6])]), 0).unwrap();
    let places: Vec<(u16, &[u8])> = image.pieces.iter().map(|p| (p.address, &p.bytes[..])).collect();
    assert_eq!(places, [(0x4000, &[1u8, 2, 3, 4][..]), (0x4004, &[5, 6][..])]);
    assert_eq!((image.entry, image.has_reset_vector()), (Some(0x4000), false));
}

#[test]
fn a_million_damaged_files_are_refused_or_loaded_within_64_kib() {
    let mut random = Random(0xe1f);
    let good = elf(&[(1, 0x0200, &[0x55; 64]), (1, 0x0240, &[0x66; 32]), (8, 0x0300, &[])]);
    assert!(Image::parse(&good, 0).is_ok());
    let (mut loaded, mut refused) = (0, 0);
    for round in 0..1_000_000u32 {
        let mut file;
        if round % 4 == 0 {
            file = vec![0; random.below(200) as usize];
            random.fill(&mut file);
            if round % 8 == 0 && file.len() >= 7 {
                file[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
            }
        } else {
            file = good.clone();
            for _ in 0..1 + random.below(6) {
                let at = random.below(file.len() as u64) as usize;
                file[at] = match random.below(3) {
                    0 => 0xff,
                    1 => 0,
                    _ => random.next() as u8,
                };
            }
            if random.below(8) == 0 {
                file.truncate(random.below(file.len() as u64) as usize);
            }
        }
        match Image::parse(&file, random.next() as u16) {
            Ok(image) => {
                loaded += 1;
                let total: usize = image.pieces.iter().map(|p| p.bytes.len()).sum();
                assert!(total > 0 && total <= 0x1_0000);
                assert!(image.pieces.iter().all(|p| usize::from(p.address) + p.bytes.len() <= 0x1_0000));
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(loaded > 1_000 && refused > 1_000, "{loaded} loaded, {refused} refused: the inputs reach little");
}

#[test]
fn sections_that_hold_more_than_memory_are_refused() {
    let big = vec![0x11; 0x8000];
    let file = elf(&[(1, 0x0200, &big), (1, 0x0200, &big), (1, 0x0200, &big)]);
    assert!(Image::parse(&file, 0).is_err());
    assert!(Image::raw(&[0; 0x1_0001], 0).is_err());
    assert!(Image::raw(&[0; 3], 0xfffe).is_err());
    assert!(Image::raw(&[], 0x4000).is_err());
    let mut other = elf(&[(1, 0x0200, &[1, 2])]);
    other[18] = 62;
    assert!(Image::parse(&other, 0).unwrap_err().to_string().contains("MSP430"));
}

#[test]
fn every_opcode_disassembles() {
    for opcode in 0..=u16::MAX {
        let (text, length) = disassemble(0xfffe, &|address| if address == 0xfffe { opcode } else { 0x1234 });
        assert!(!text.is_empty() && matches!(length, 2 | 4 | 6));
    }
}
