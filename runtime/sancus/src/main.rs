//! The command line of the emulator: `authentic-sancus run IMAGE`.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("authentic-sancus: {error}");
            ExitCode::FAILURE
        }
    }
}
