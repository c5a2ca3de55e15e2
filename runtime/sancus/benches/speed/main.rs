//! Prints how fast the emulator runs ordinary code and the crypto unit, the latter beside a yardstick in the same run. Figures depend on
//! the machine; nothing is asserted.

mod bytewise;

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

/// Seconds that this thread has computed: other work of the machine does not count. Where the system does not tell, those of the clock.
fn computed(since: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| since.elapsed().as_secs_f64(), |ns| ns / 1e9)
}

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
    let before = computed(start);
    while start.elapsed() < Duration::from_millis(500) {
        assert_eq!(machine.run(1_000_000), Stop::Budget);
    }
    let rate = machine.cycles() as f64 / (computed(start) - before);
    assert_eq!(machine.illegal_opcodes(), 0, "the loop must be what runs");
    rate
}

/// A way to encrypt a body in place.
type Encrypt<'a> = Box<dyn FnMut(&mut [u8]) + 'a>;

fn rate(mut encrypt: impl FnMut(&mut [u8])) -> f64 {
    let mut body = vec![0x5a; 4096];
    let mut bytes = 0;
    let start = Instant::now();
    let before = computed(start);
    while start.elapsed() < Duration::from_millis(200) {
        encrypt(black_box(&mut body));
        bytes += body.len();
    }
    bytes as f64 / (computed(start) - before)
}

/// The wrap instruction of an emulated board, over 4 KiB of its RAM again and again.
fn instruction(security_key: &Key) -> impl FnMut(&mut [u8]) {
    let mut machine = Machine::builder().node_key(security_key.clone()).build();
    let hold_watchdog_and_wrap = [0xb2, 0x40, 0x80, 0x5a, 0x20, 0x01, 0x84, 0x13];
    machine.load(0x4000, &hold_watchdog_and_wrap).expect("program memory");
    machine.set_register(0, 0x4000);
    machine.step();
    move |body| {
        machine.load(0x0400, body).expect("RAM");
        for (register, value) in [(0, 0x4006), (1, 0x2800), (9, 0x0300), (10, 0x0310), (11, 0x0312), (12, 0x0400), (13, 0x1400), (14, 0x0400), (15, 0x0320)] {
            machine.set_register(register, value);
        }
        machine.step();
        assert_eq!(machine.registers()[15], 1, "the instruction must have encrypted");
    }
}

fn main() {
    let runs = 10;
    bytewise::check();
    let (best, mean) = best_of(5, cycles_per_second);
    println!("ordinary code: best {:.1}, mean {:.1} million emulated cycles/s of one core", best / 1e6, mean / 1e6);
    let [short, long] = [&[7; 8][..], &[7; 16]].map(|key| Key::new(key).expect("a key length of the hardware"));
    let mut state = [1, 2, 3];
    let (mut wrap_64, mut wrap_128) = (instruction(&short), instruction(&long));
    let mut kinds: [(&str, Encrypt); 5] = [
        ("yardstick: 64 bits, a table look-up for each byte", Box::new(|body| bytewise::encrypt(&mut state, body))),
        ("SpongeWrap-64", Box::new(|body| drop(black_box(wrap(&short, &[1, 2], body))))),
        ("SpongeWrap-64, wrap instruction of the emulated board", Box::new(&mut wrap_64)),
        ("SpongeWrap-128", Box::new(|body| drop(black_box(wrap(&long, &[1, 2], body))))),
        ("SpongeWrap-128, wrap instruction of the emulated board", Box::new(&mut wrap_128)),
    ];
    // By turns, so that whatever else the machine does disturbs all alike.
    let mut rates = vec![Vec::new(); kinds.len()];
    for _ in 0..runs {
        for (kind, rates) in kinds.iter_mut().zip(&mut rates) {
            rates.push(rate(&mut kind.1));
        }
    }
    let best: Vec<f64> = rates.iter().map(|r| r.iter().copied().fold(0.0, f64::max)).collect();
    for ((name, _), (best_rate, all)) in kinds.iter().zip(best.iter().zip(&rates)) {
        let ratio = best_rate / best[0];
        println!(
            "{name}: best {:.2}, mean {:.2} MB/s of one core, {ratio:.2} of the yardstick",
            best_rate / 1e6,
            all.iter().sum::<f64>() / f64::from(runs) / 1e6
        );
    }
}
