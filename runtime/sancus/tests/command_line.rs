//! The program `authentic-sancus` as its users call it.

#![allow(clippy::unwrap_used, reason = "a failure must fail the test")]

mod board;
mod toolchain;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use board::{D, Program, S};
use serde_json::Value;
use toolchain::Folder;

fn emulator() -> Command {
    Command::new(env!("CARGO_BIN_EXE_authentic-sancus"))
}

fn run(arguments: &[&str]) -> Output {
    emulator().arg("run").args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json"]].concat());
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// A raw image of the whole of program memory: the program at 0x4000, its reset vector, the violation vector.
fn raw(folder: &Folder, program: &Program, violation_handler: u16) -> String {
    let mut image = vec![0; 0xc000];
    let code = program.bytes();
    image[..code.len()].copy_from_slice(&code);
    image[0xfffe - 0x4000..].copy_from_slice(&program.start.to_le_bytes());
    image[0xfffa - 0x4000..0xfffc - 0x4000].copy_from_slice(&violation_handler.to_le_bytes());
    let path = folder.file("image.bin");
    std::fs::write(&path, image).unwrap();
    path.to_str().unwrap().to_owned()
}

fn stores_1234() -> Program {
    Program::at(0x4000).hold_watchdog().op("mov", S::Immediate(0x1234), D::Absolute(0x0200)).off()
}

#[test]
fn a_raw_image_starts_at_its_reset_vector_and_ends_when_the_cpu_goes_off() {
    let folder = Folder::new("raw");
    let image = raw(&folder, &stores_1234(), 0);
    let text = stdout(&run(&[&image, "--load", "0x4000", "--dump", "0x0200:0x0204", "--dump", "0x4000:0x4012"]));
    assert_eq!(text, "cpu-off after 12 cycles\n0200: 34120000\n4000: b240805a2001b2403412000232d01000\n4010: 0000\n");
}

#[test]
fn json_has_cycles_registers_and_dumps() {
    let folder = Folder::new("json");
    let image = raw(&folder, &stores_1234(), 0);
    let report = json(&[&image, "--load", "0x4000", "--dump", "0x0200:0x0202", "--dump", "0xfffe:0x10000"]);
    assert_eq!((&report["stop"], &report["cycles"]), (&Value::from("cpu-off"), &Value::from(12)));
    assert_eq!(report["registers"].as_array().unwrap().len(), 16);
    assert_eq!((&report["registers"][0], &report["registers"][2]), (&Value::from(0x4010), &Value::from(0x10)));
    assert_eq!((&report["dumps"][0]["hex"], &report["dumps"][1]["hex"]), (&Value::from("3412"), &Value::from("0040")));
}

#[test]
fn the_cycle_limit_ends_a_run_that_would_not() {
    let folder = Folder::new("limit");
    let image = raw(&folder, &Program::at(0x4000).hold_watchdog().word(0x3fff), 0);
    let report = json(&[&image, "--load", "0x4000", "--max-cycles", "1000"]);
    assert_eq!(report["stop"], "cycle-limit");
    let cycles = report["cycles"].as_u64().unwrap();
    assert!((1000..1010).contains(&cycles), "{cycles}");
}

/// Enables a module at 0x5000 with secret data at 0x0300 and reads that data.
fn reads_a_secret() -> Program {
    Program::at(0x4000)
        .hold_watchdog()
        .set(10, 0)
        .set(11, 0x1234)
        .set(12, 0x5000)
        .set(13, 0x5004)
        .set(14, 0x0300)
        .set(15, 0x0310)
        .word(0x1381)
        .op("mov", S::Absolute(0x0300), D::Reg(5))
        .off()
}

#[test]
fn a_violation_nobody_handles_ends_the_run_and_one_with_a_handler_does_not() {
    let folder = Folder::new("violation");
    let image = raw(&folder, &reads_a_secret(), 0);
    let report = json(&[&image, "--load", "0x4000"]);
    assert_eq!(report["stop"], "violation");
    assert_eq!((&report["violation"]["address"], &report["modules"][0]["id"]), (&Value::from(0x0300), &Value::from(1)));
    assert!(stdout(&run(&[&image, "--load", "0x4000"])).contains("read of protected memory at 0x0300"));

    let handled = raw(&folder, &reads_a_secret(), 0x4000 + reads_a_secret().bytes().len() as u16 - 4);
    let report = json(&[&handled, "--load", "0x4000"]);
    assert_eq!((&report["stop"], &report["violations"]), (&Value::from("cpu-off"), &Value::from(1)));
}

#[test]
fn the_node_key_comes_from_a_file_or_an_argument_and_chooses_the_security() {
    let folder = Folder::new("key");
    // Enables a 4-byte module, then MACs nothing: r15 keeps the id; the cost shows the security level.
    let image = raw(&folder, &reads_a_secret(), 0);
    let key_file = folder.file("node.key");
    std::fs::write(&key_file, "deadbeefcafebabec0defeeddefec8ed\n").unwrap();
    let cycles = |arguments: &[&str]| json(&[&[&image[..], "--load", "0x4000"], arguments].concat())["cycles"].as_u64().unwrap();
    let by_file = cycles(&["--node-key-file", key_file.to_str().unwrap()]);
    assert_eq!(by_file, cycles(&["--node-key", "deadbeefcafebabec0defeeddefec8ed", "--security", "128"]));
    assert_eq!(by_file, cycles(&["--security", "128"]));
    assert!(cycles(&["--security", "64"]) < by_file);

    let wrong = run(&[&image, "--node-key", "deadbeefcafebabe", "--security", "128"]);
    assert!(!wrong.status.success());
    let message = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(message.contains("16 bytes") && !message.contains("deadbeef"), "{message}");
    for bad in ["xyz", "deadbeef", "deadbeefcafebabg"] {
        let output = run(&[&image, "--node-key", bad]);
        assert!(!output.status.success() && !String::from_utf8_lossy(&output.stderr).contains(bad));
    }
    let both = run(&[&image, "--node-key", "00", "--node-key-file", "x"]);
    assert!(!both.status.success());
}

#[test]
fn hardware_quirks_are_a_switch() {
    let folder = Folder::new("quirks");
    let overlapping = Program { start: 0x4000, words: reads_a_secret().words[..reads_a_secret().words.len() - 4].to_vec() }
        .set(10, 0)
        .set(12, 0x5000)
        .set(13, 0x5002)
        .set(14, 0)
        .set(15, 0)
        .word(0x1381)
        .off();
    let image = raw(&folder, &overlapping, 0);
    for (arguments, modules) in [(&[][..], 1), (&["--hw-quirks"][..], 2)] {
        let report = json(&[&[&image[..], "--load", "0x4000"], arguments].concat());
        assert_eq!((&report["stop"], report["modules"].as_array().unwrap().len()), (&Value::from("violation"), modules));
    }
}

#[test]
fn a_trace_shows_each_instruction() {
    let folder = Folder::new("trace");
    let image = raw(&folder, &stores_1234(), 0);
    let output = run(&[&image, "--load", "0x4000", "--trace"]);
    let trace = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    assert_eq!(lines.len(), 3, "{trace}");
    assert!(lines[1].contains("4006") && lines[1].contains("mov #0x1234, &0x0200"), "{trace}");
}

#[test]
fn the_uart_s_output_goes_to_a_file() {
    let folder = Folder::new("uart");
    let mut program = Program::at(0x4000).hold_watchdog().word(0x43d2).word(0x0080);
    for byte in *b"ok\n" {
        // mov.b #byte, &0x84; wait while the status has TX_FULL.
        program = program.word(0x40f2).word(u16::from(byte)).word(0x0084).word(0xb2f2).word(0x0081).word(0x23fd);
    }
    let image = raw(&folder, &program.set(5, 100).op("sub", S::Constant(1), D::Reg(5)).word(0x23fe).off(), 0);
    let file = folder.file("uart.txt");
    stdout(&run(&[&image, "--load", "0x4000", "--uart", file.to_str().unwrap(), "--max-cycles", "10000"]));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "ok\n");
}

#[test]
fn what_cannot_be_run_is_refused_with_the_way_out() {
    let folder = Folder::new("refusals");
    let image = raw(&folder, &stores_1234(), 0);
    let big = folder.file("big");
    std::fs::File::create(&big).unwrap().set_len(20 << 20).unwrap();
    let gap = folder.file("gap");
    std::fs::write(&gap, [1, 2]).unwrap();
    let other = folder.file("other");
    std::fs::write(&other, b"\x7fELF\x02\x01\x01 for another machine").unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["/does/not/exist"], "Check the path"),
        (&[big.to_str().unwrap()], "16777216 bytes"),
        (&[gap.to_str().unwrap(), "--load", "0x3000"], "neither RAM nor program memory"),
        (&[other.to_str().unwrap()], "ELF"),
        (&[&image, "--load", "0x8000"], "64 KiB"),
        (&[&image, "--dump", "0x20:0x10"], "exclusive"),
        (&[&image, "--load", "zzz"], "not a number"),
        (&[&image, "--security", "80"], "64 and 128"),
    ];
    for (arguments, hint) in cases {
        let output = run(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && message.contains(hint), "{arguments:?}: {message} {:?}", output.status);
    }
}

#[test]
fn an_elf_program_runs_from_its_reset_vector() {
    let folder = Folder::new("elf");
    let elf = toolchain::program(&folder, &["start.S", "arithmetic.c"]);
    let report = json(&[elf.to_str().unwrap(), "--dump", "0x0200:0x0202"]);
    assert_eq!((&report["stop"], &report["dumps"][0]["hex"]), (&Value::from("cpu-off"), &Value::from("c212")));
}

/// A remote protocol client of a few packets.
struct Debugger {
    stream: TcpStream,
    child: Child,
}

impl Debugger {
    fn start(image: &str) -> Self {
        let mut child =
            emulator().args(["run", image, "--load", "0x4000", "--gdb", "0", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap();
        Self { stream: TcpStream::connect(address).unwrap(), child }
    }

    fn ask(&mut self, packet: &str) -> String {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        write!(self.stream, "${packet}#{sum:02x}").unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"#") {
            self.stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        self.stream.read_exact(&mut [0; 2]).unwrap();
        self.stream.write_all(b"+").unwrap();
        let text = String::from_utf8(answer).unwrap();
        text.trim_start_matches(['+', '$']).trim_end_matches('#').to_owned()
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_debugger_steps_breaks_and_sees_registers_and_memory() {
    let folder = Folder::new("gdb");
    let mut gdb = Debugger::start(&raw(&folder, &stores_1234(), 0));
    assert!(gdb.ask("qSupported:swbreak+").contains("swbreak+"));
    assert!(gdb.ask("?").starts_with('T') || gdb.ask("?").starts_with('S'));
    assert!(gdb.ask("g").starts_with("0040"), "the program counter");
    assert_eq!(gdb.ask("s"), "S05");
    assert!(gdb.ask("g").starts_with("0640"));
    assert_eq!(gdb.ask("Z0,400c,2"), "OK");
    assert!(gdb.ask("c").starts_with('T'));
    assert!(gdb.ask("g").starts_with("0c40"));
    assert_eq!(gdb.ask("m200,2"), "3412");
    assert_eq!(gdb.ask("M200,2:beef"), "OK");
    assert_eq!(gdb.ask("m200,2"), "beef");
    assert_eq!(gdb.ask("z0,400c,2"), "OK");
    assert_eq!(gdb.ask("c"), "W00", "the CPU went off");
}
