//! `authentic-agent`: the agent of a node.

use authentic_agent::{Options, run};
use clap::{Parser, Subcommand};
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
    },
}

fn beside_this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("authentic-host")
}

fn main() -> ExitCode {
    let Command::Run { folder, node, listen, host_binary } = Arguments::parse().command;
    let options = Options { folder, node, listen, host_binary: host_binary.unwrap_or_else(beside_this_program) };
    let result = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Into::into).and_then(|runtime| runtime.block_on(run(options)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.to_json());
            ExitCode::from(error.code().2)
        }
    }
}
