//! `authentic-host`: runs one instance. Started by the agent, which passes a socket as standard input.

use authentic_host::start;
use clap::Parser;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

/// Module host of one instance.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the instance, with `instance.json` and `image`.
    #[arg(long)]
    folder: PathBuf,
}

/// The agent's end of the control socket, if standard input is one.
fn first_link() -> Option<UnixStream> {
    let input = std::io::stdin();
    if input.is_terminal() || rustix::net::sockopt::socket_type(&input).is_err() {
        return None;
    }
    let link = input.as_fd().try_clone_to_owned().ok()?;
    // The socket must close with the link, so standard input lets go of it.
    let nothing = std::fs::File::open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(nothing).ok()?;
    Some(UnixStream::from(link))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match start(&arguments.folder, first_link()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, next) = error.code();
            tracing::error!(code, %error, "the module host does not start");
            // One line of JSON: the agent reads it and shows it to whoever asked for the instance.
            eprintln!("{}", serde_json::json!({ "code": code, "message": error.to_string(), "next": next }));
            ExitCode::FAILURE
        }
    }
}
