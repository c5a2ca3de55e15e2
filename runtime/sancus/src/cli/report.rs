//! What is printed at the end of a run.

use std::io::{self, Write};

use authentic_sancus::{Machine, Stop};
use serde::Serialize;

use super::arguments::{Range, Run};

const DUMP_WIDTH: usize = 16;

#[derive(Serialize)]
struct Report {
    stop: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    violation: Option<ViolationReport>,
    cycles: u64,
    instructions: u64,
    violations: u64,
    resets: u64,
    illegal_opcodes: u64,
    registers: [u16; 16],
    domain: u16,
    modules: Vec<ModuleReport>,
    dumps: Vec<DumpReport>,
}

#[derive(Serialize)]
struct ViolationReport {
    what: String,
    address: u16,
    pc: u16,
    domain: u16,
}

#[derive(Serialize)]
struct ModuleReport {
    id: u16,
    vendor: u16,
    public: [u16; 2],
    secret: [u16; 2],
}

#[derive(Serialize)]
struct DumpReport {
    start: u16,
    end: u32,
    hex: String,
}

/// Prints the end of a run as the options ask.
pub fn print(out: &mut dyn Write, machine: &Machine, stop: Stop, options: &Run) -> io::Result<()> {
    if options.json {
        let report = report(machine, stop, &options.dump);
        serde_json::to_writer(&mut *out, &report)?;
        return writeln!(out);
    }
    match stop {
        Stop::UnhandledViolation(v) => writeln!(out, "{} after {} cycles: {v}", name(stop), machine.cycles())?,
        _ => writeln!(out, "{} after {} cycles", name(stop), machine.cycles())?,
    }
    for range in &options.dump {
        let bytes = dump(machine, *range);
        for (line, chunk) in bytes.chunks(DUMP_WIDTH).enumerate() {
            writeln!(out, "{:04x}: {}", usize::from(range.start) + line * DUMP_WIDTH, hex(chunk))?;
        }
    }
    Ok(())
}

fn report(machine: &Machine, stop: Stop, ranges: &[Range]) -> Report {
    let violation = match stop {
        Stop::UnhandledViolation(v) => Some(ViolationReport { what: v.to_string(), address: v.address, pc: v.pc, domain: v.domain }),
        _ => None,
    };
    let modules = machine.modules().map(|m| ModuleReport {
        id: m.id,
        vendor: m.vendor,
        public: [m.layout.public_start, m.layout.public_end],
        secret: [m.layout.secret_start, m.layout.secret_end],
    });
    let dumps = ranges.iter().map(|r| DumpReport { start: r.start, end: r.end, hex: hex(&dump(machine, *r)) });
    Report {
        stop: name(stop),
        violation,
        cycles: machine.cycles(),
        instructions: machine.instructions(),
        violations: machine.violations(),
        resets: machine.resets(),
        illegal_opcodes: machine.illegal_opcodes(),
        registers: *machine.registers(),
        domain: machine.domain(),
        modules: modules.collect(),
        dumps: dumps.collect(),
    }
}

fn dump(machine: &Machine, range: Range) -> Vec<u8> {
    machine.peek_range(range.start, range.end as usize - usize::from(range.start))
}

fn name(stop: Stop) -> &'static str {
    match stop {
        Stop::Budget => "cycle-limit",
        Stop::CpuOff => "cpu-off",
        Stop::Requested => "debugger",
        Stop::UnhandledViolation(_) => "violation",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
