//! `authentic-sgx-platform`: the platform of one emulated SGX node. Started by the node's agent.

use authentic_sgx_platform::run;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Platform of an emulated SGX node: quoting and provisioning.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder for keys and sockets; created if it is missing.
    #[arg(long)]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&arguments.folder))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, next) = error.code();
            // One line of JSON: the agent reads it and shows it to whoever starts the node.
            eprintln!("{}", serde_json::json!({ "code": code, "message": error.to_string(), "next": next }));
            ExitCode::FAILURE
        }
    }
}
