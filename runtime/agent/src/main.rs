//! `authentic-agent`: the agent of a node.

use authentic_agent::{Options, SgxBackend, run};
use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Agent of a node: supervises its module hosts.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run in the foreground until told to end.
    Run {
        /// Folder of the node; created if it is missing.
        #[arg(long)]
        folder: PathBuf,
        /// Name of the node.
        #[arg(long)]
        node: String,
        /// Address of the event port, such as 127.0.0.1:7000 or [::1]:0; may be repeated.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: Vec<SocketAddr>,
        /// The module host; by default `authentic-host` beside this program.
        #[arg(long)]
        host_binary: Option<PathBuf>,
        /// Host SGX modules as well: on this machine's SGX, or emulated.
        #[arg(long, value_enum)]
        sgx: Option<Sgx>,
        /// The platform of emulated SGX; by default `authentic-sgx-platform` beside this program.
        #[arg(long)]
        sgx_platform_binary: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Sgx {
    Hardware,
    Emulated,
}

fn beside_this_program(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

fn main() -> ExitCode {
    let Command::Run { folder, node, listen, host_binary, sgx, sgx_platform_binary } = Arguments::parse().command;
    let options = Options {
        folder,
        node,
        listen,
        host_binary: host_binary.unwrap_or_else(|| beside_this_program("authentic-host")),
        sgx: sgx.map(|backend| match backend {
            Sgx::Hardware => SgxBackend::Hardware,
            Sgx::Emulated => SgxBackend::Emulated(sgx_platform_binary.unwrap_or_else(|| beside_this_program("authentic-sgx-platform"))),
        }),
    };
    let result = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Into::into).and_then(|runtime| runtime.block_on(run(options)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.to_json());
            ExitCode::from(error.code().2)
        }
    }
}
