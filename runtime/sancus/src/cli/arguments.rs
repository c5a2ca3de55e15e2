//! The command line's arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An MSP430 board with Sancus protected modules, emulated at the instruction level.
#[derive(Parser)]
#[command(name = "authentic-sancus", version, about)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run an ELF or raw image until the CPU goes off, a violation nobody handles, or the cycle limit.
    Run(Run),
}

#[derive(Args)]
pub struct Run {
    /// ELF file for the MSP430, or raw bytes.
    pub image: PathBuf,
    /// Where raw bytes go.
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "0x4000")]
    pub load: u16,
    /// Security level in bits; follows from the node key if there is one, else 64.
    #[arg(long, value_parser = security)]
    pub security: Option<u16>,
    /// Node key in hexadecimal, 16 or 32 digits. Other users of this machine can see it: for experiments only.
    #[arg(long, value_name = "HEX", conflicts_with = "node_key_file")]
    pub node_key: Option<String>,
    /// File that holds the node key in hexadecimal.
    #[arg(long, value_name = "FILE")]
    pub node_key_file: Option<PathBuf>,
    /// Reproduce the weaknesses of the published core.
    #[arg(long)]
    pub hw_quirks: bool,
    /// Stop after this many cycles.
    #[arg(long, value_name = "N", value_parser = cycles)]
    pub max_cycles: Option<u64>,
    /// Print each instruction to standard error before it runs.
    #[arg(long)]
    pub trace: bool,
    /// Print memory [START, END) in hexadecimal at the end; may be repeated.
    #[arg(long, value_name = "START:END", value_parser = range)]
    pub dump: Vec<Range>,
    /// Print one JSON object with cycles, registers, modules and dumps.
    #[arg(long)]
    pub json: bool,
    /// Write what UART 1 sends to this file.
    #[arg(long, value_name = "FILE")]
    pub uart: Option<PathBuf>,
    /// Wait for GDB on this port of the loopback interface before running (0: any free port).
    #[arg(long, value_name = "PORT", conflicts_with = "trace")]
    pub gdb: Option<u16>,
}

/// Addresses [start, end); the end can be 0x10000.
#[derive(Clone, Copy)]
pub struct Range {
    pub start: u16,
    pub end: u32,
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is not a number; write 16384 or 0x4000"))
}

fn cycles(text: &str) -> Result<u64, String> {
    number(text)
}

fn address(text: &str) -> Result<u16, String> {
    u16::try_from(number(text)?).map_err(|_| format!("{text} is beyond the 64 KiB address space"))
}

fn security(text: &str) -> Result<u16, String> {
    match text {
        "64" => Ok(64),
        "128" => Ok(128),
        _ => Err("the hardware exists with 64 and 128 bits".into()),
    }
}

fn range(text: &str) -> Result<Range, String> {
    let (start, end) = text.split_once(':').ok_or("write START:END, as in 0x0200:0x0240")?;
    let (start, end) = (address(start)?, number(end)?);
    let end = u32::try_from(end).ok().filter(|end| *end <= 0x1_0000).ok_or("END is at most 0x10000")?;
    if u32::from(start) >= end {
        return Err(format!("{text} is empty: END is exclusive and must be above START"));
    }
    Ok(Range { start, end })
}
