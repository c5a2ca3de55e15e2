//! Prints how fast the emulator runs ordinary code and the crypto unit. Figures depend on the machine; nothing is asserted.

use std::hint::black_box;
use std::time::{Duration, Instant};

use authentic_sancus::crypto::{Key, wrap};
use authentic_sancus::{Machine, Stop};

/// A loop over RAM with loads, stores, arithmetic, a call and a branch; the watchdog is held.
const PROGRAM: [u16; 24] = [
    0x40b2,
    0x5a80,
    0x0120, // mov #0x5a80, &0x0120
    0x4031,
    0x0a00, // mov #0x0a00, sp
    0x4035,
    0x0400, // outer: mov #0x0400, r5
    0x4036,
    0x0100, // mov #0x0100, r6
    0x4537, // inner: mov @r5+, r7
    0x5807, // add r8, r7
    0xe038,
    0x1234, // xor #0x1234, r8
    0x4785,
    0xfffe, // mov r7, -2(r5)
    0x12b0,
    0x4000 + 2 * 22, // call #leaf
    0x8316,          // sub #1, r6
    0x23f6,          // jnz inner
    0x4303,          // nop
    0x3ff0,          // jmp outer
    0x4303,          // nop
    0x1108,          // leaf: rra r8
    0x4130,          // ret
];

fn best_of(runs: u32, mut run: impl FnMut() -> f64) -> (f64, f64) {
    let rates: Vec<f64> = (0..runs).map(|_| run()).collect();
    let best = rates.iter().copied().fold(0.0, f64::max);
    (best, rates.iter().sum::<f64>() / f64::from(runs))
}

fn cycles_per_second() -> f64 {
    let mut machine = Machine::builder().build();
    let image: Vec<u8> = PROGRAM.iter().flat_map(|word| word.to_le_bytes()).collect();
    machine.load(0x4000, &image).expect("program memory");
    machine.load(0xfffe, &[0x00, 0x40]).expect("program memory");
    machine.reset();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        assert_eq!(machine.run(1_000_000), Stop::Budget);
    }
    let rate = machine.cycles() as f64 / start.elapsed().as_secs_f64();
    assert_eq!(machine.illegal_opcodes(), 0, "the loop must be what runs");
    rate
}

fn bytes_per_second(key: &Key) -> f64 {
    let mut body = vec![0x5a; 4096];
    let mut bytes = 0;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        black_box(wrap(key, &[1, 2], &mut body));
        bytes += body.len();
    }
    bytes as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let runs = 5;
    let (best, mean) = best_of(runs, cycles_per_second);
    println!("ordinary code: best {:.1}, mean {:.1} million emulated cycles/s over {runs} runs", best / 1e6, mean / 1e6);
    for (name, key) in [("SpongeWrap-64", Key::new(&[7; 8])), ("SpongeWrap-128", Key::new(&[7; 16]))] {
        let key = key.expect("a key length of the hardware");
        let (best, mean) = best_of(runs, || bytes_per_second(&key));
        println!("{name}: best {:.2}, mean {:.2} MB/s over {runs} runs", best / 1e6, mean / 1e6);
    }
}
