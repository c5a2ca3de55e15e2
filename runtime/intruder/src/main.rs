//! The owner of a machine, without the module host: reads the memory of a process, and enters an enclave as the host
//! would not. Prints one line of JSON with what was tried and what came of it, and judges nothing.

#[cfg(target_arch = "x86_64")]
mod entries;
mod memory;

use clap::Parser;
use std::path::PathBuf;

#[derive(Parser)]
enum Attempt {
    /// Reads the memory of a running process, and for comparison that of one of its own that does nothing against it.
    Memory { pid: i32 },
    /// Enters an image at every page and beside the pages.
    Entries { image: PathBuf },
    /// Calls an entry, interrupts it, has the enclave give it up, and resumes it (ERESUME).
    Resume {
        image: PathBuf,
        /// Endpoint of an entry that takes longer than the limit.
        entry: u16,
    },
    /// Gives the enclave a shared region that lies in its own memory.
    Pointer { image: PathBuf },
}

fn main() {
    let outcome = match Attempt::parse() {
        Attempt::Memory { pid } => memory::attempt(pid),
        #[cfg(target_arch = "x86_64")]
        Attempt::Entries { image } => entries::everywhere(&image),
        #[cfg(target_arch = "x86_64")]
        Attempt::Resume { image, entry } => entries::resume(&image, entry),
        #[cfg(target_arch = "x86_64")]
        Attempt::Pointer { image } => entries::pointer(&image),
        #[cfg(not(target_arch = "x86_64"))]
        _ => Err("enclaves run on x86-64 only".into()),
    };
    match outcome {
        Ok(found) => println!("{found}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
