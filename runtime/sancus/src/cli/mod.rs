//! Runs an image as the command line asks.

mod arguments;
mod report;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use authentic_sancus::crypto::{Key, KeyError, Security};
use authentic_sancus::disassemble::disassemble;
use authentic_sancus::image::{Image, ImageError, MAXIMUM_FILE, RESET_VECTOR};
use authentic_sancus::{Machine, NoMemory, Stop, gdb};
use thiserror::Error;
use zeroize::Zeroizing;

pub use arguments::Arguments;
use arguments::{Command, Run};

/// Cycles between two collections of what the UART sent.
const SLICE: u64 = 1_000_000;
/// A key file holds 32 hexadecimal digits and perhaps a line end.
const KEY_FILE_LIMIT: u64 = 256;

/// What a user can correct.
#[derive(Debug, Error)]
pub enum CliError {
    #[error("cannot read {path}: {source}. Check the path and its permissions")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}: {source}. Check the path and its permissions")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} has more than {limit} bytes. Give a program image for a 64 KiB address space")]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{path}: {source}")]
    Image { path: PathBuf, source: ImageError },
    #[error("{path}: {source}. Link the program for RAM 0x0200-0x29ff and program memory 0x4000-0xffff, or give --load")]
    Place { path: PathBuf, source: NoMemory },
    #[error("the node key: {0}")]
    Key(#[from] KeyError),
    #[error("--security {wanted} does not fit a node key of {bytes} bytes. Give a key of {needed} bytes, or omit --security")]
    Security { wanted: u16, bytes: usize, needed: usize },
    #[error("the debugger connection: {0}")]
    Debugger(io::Error),
    #[error("cannot print the result: {0}")]
    Print(io::Error),
}

/// Carries out the command.
pub fn run(arguments: Arguments) -> Result<(), CliError> {
    let Command::Run(options) = arguments.command;
    let mut machine = prepare(&options)?;
    let limit = options.max_cycles.unwrap_or(u64::MAX);
    let mut uart = options.uart.as_deref().map(UartLog::create).transpose()?;
    let stop = match options.gdb {
        Some(port) => {
            let (after, stop) = gdb::serve(machine, port, limit).map_err(CliError::Debugger)?;
            machine = after;
            stop.unwrap_or(Stop::Requested)
        }
        None => run_to_end(&mut machine, limit, options.trace, uart.as_mut())?,
    };
    if let Some(log) = &mut uart {
        log.collect(&mut machine)?;
    }
    report::print(&mut io::stdout().lock(), &machine, stop, &options).map_err(CliError::Print)
}

fn prepare(options: &Run) -> Result<Machine, CliError> {
    let file = read_bounded(&options.image, MAXIMUM_FILE)?;
    let path = || options.image.clone();
    let image = Image::parse(&file, options.load).map_err(|source| CliError::Image { path: path(), source })?;
    let mut machine = Machine::builder().node_key(node_key(options)?).hardware_quirks(options.hw_quirks).build();
    for piece in &image.pieces {
        machine.load(piece.address, &piece.bytes).map_err(|source| CliError::Place { path: path(), source })?;
    }
    machine.reset_to_power_on();
    if let Some(entry) = image.entry.filter(|_| !image.has_reset_vector()) {
        machine.set_register(0, entry);
    } else if !image.has_reset_vector() {
        eprintln!("authentic-sancus: the image does not set the reset vector at {RESET_VECTOR:#06x}: execution starts at 0");
    }
    Ok(machine)
}

fn node_key(options: &Run) -> Result<Key, CliError> {
    let wanted = options.security.map(|bits| if bits == 64 { Security::Bits64 } else { Security::Bits128 });
    let text = match (&options.node_key, &options.node_key_file) {
        (Some(text), _) => Zeroizing::new(text.clone()),
        (None, Some(path)) => {
            let bytes = Zeroizing::new(read_bounded(path, KEY_FILE_LIMIT)?);
            Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
        }
        (None, None) => return Ok(Key::zero(wanted.unwrap_or_default())),
    };
    let key = Key::from_hex(&text)?;
    match wanted {
        Some(level) if level != key.security() => {
            Err(CliError::Security { wanted: options.security.unwrap_or_default(), bytes: key.bytes().len(), needed: level.tag_bytes() })
        }
        _ => Ok(key),
    }
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let failed = |source| CliError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(CliError::TooLarge { path: path.into(), limit });
    }
    Ok(bytes)
}

fn run_to_end(machine: &mut Machine, limit: u64, trace: bool, mut uart: Option<&mut UartLog>) -> Result<Stop, CliError> {
    let end = machine.cycles().saturating_add(limit);
    loop {
        let slice = SLICE.min(end - machine.cycles().min(end));
        let stop = if trace { machine.run_while(slice, print_trace) } else { machine.run(slice) };
        if let Some(log) = uart.as_deref_mut() {
            log.collect(machine)?;
        } else {
            // Not wanted, but the machine keeps a bounded amount only.
            drop(machine.take_from_uart(0));
        }
        if stop != Stop::Budget || machine.cycles() >= end {
            return Ok(stop);
        }
    }
}

fn print_trace(machine: &Machine) -> bool {
    let registers = machine.registers();
    let fetch = |address: u16| u16::from_le_bytes([machine.peek(address & !1), machine.peek(address | 1)]);
    let (text, _) = disassemble(registers[0], &fetch);
    eprintln!(
        "{:>10} {:04x} {:04x}  {text:<32} sp={:04x} sr={:04x} r15={:04x}",
        machine.cycles(),
        machine.domain(),
        registers[0],
        registers[1],
        registers[2],
        registers[15]
    );
    true
}

/// The file that gets what UART 1 sends.
struct UartLog {
    file: File,
    path: PathBuf,
}

impl UartLog {
    fn create(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path).map_err(|source| CliError::Write { path: path.into(), source })?;
        Ok(Self { file, path: path.into() })
    }

    fn collect(&mut self, machine: &mut Machine) -> Result<(), CliError> {
        let sent = machine.take_from_uart(0);
        self.file.write_all(&sent).map_err(|source| CliError::Write { path: self.path.clone(), source })
    }
}
