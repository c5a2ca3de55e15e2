//! `authentic-trustzone`: the bridge to a TrustZone board: an emulated one, which it runs, or one at the line that the file
//! `device` in its folder names. Started by the agent.

use authentic_process::SocketFolder;
use authentic_trustzone::bridge::Bridge;
use authentic_trustzone::device::SECURED;
use authentic_trustzone::link::{Link, LinkError};
use authentic_trustzone::machine::{Machine, MachineError, Options};
use clap::Parser;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(1);

/// TrustZone board of a node.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the board, with `firmware.bin`, `nonsecure.bin` and, for one that is not emulated, `device`.
    #[arg(long)]
    folder: PathBuf,
    /// State of the security lifecycle (RFC 9783); anything but "secured" is refused by verifiers.
    #[arg(long, default_value_t = SECURED)]
    lifecycle: u32,
    /// The emulator; by default `qemu-system-arm` on PATH.
    #[arg(long)]
    qemu: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("the board does not start: {0}")]
    Board(#[from] LinkError),
    #[error("cannot use {device}: {error}")]
    Line { device: String, error: io::Error },
    #[error("the board at {device}: {error}")]
    Remote { device: String, error: LinkError },
}

impl StartError {
    fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::Machine(MachineError::Missing) => ("AE-BOARD-QEMU", "install it: apt-get install qemu-system-arm"),
            Self::Line { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                ("AE-BOARD-DEVICE", "frames of an interface need the right to send them: setcap cap_net_raw=ep on authentic-trustzone, which lies beside the agent")
            }
            Self::Line { .. } => ("AE-BOARD-DEVICE", "set `device` to a network interface of this machine that is up, or to udp:PORT:ADDRESS:PORT"),
            Self::Remote { .. } => ("AE-BOARD-SILENT", "check power and cable; flash firmware.bin and nonsecure.bin of the node's folder trustzone, if it is new"),
            Self::File { .. } => ("AE-BOARD-FILE", "check the permissions and free space of the node's folder"),
            Self::Machine(_) | Self::Board(_) => ("AE-BOARD-START", "see board.log in the node's folder; QEMU 7.2 or newer is needed"),
        }
    }
}

fn run(arguments: Arguments) -> Result<(), StartError> {
    let folder = arguments.folder.clone();
    let file = |name: &str| {
        let path = folder.join(name);
        |error| StartError::File { path, error }
    };
    authentic_journal::start(&folder.join("board.log")).map_err(file("board.log"))?;
    let bridge = match fs::read_to_string(folder.join("device")) {
        Ok(device) => behind(device)?,
        Err(_) => {
            let (machine, socket) = Machine::start(&Options { folder: arguments.folder, lifecycle: arguments.lifecycle, qemu: arguments.qemu })?;
            tracing::info!(emulator = machine.id(), "the board starts");
            Bridge::new(Link::new(machine, socket))?
        }
    };
    fs::write(folder.join("board.pid"), format!("{}\n", std::process::id())).map_err(file("board.pid"))?;
    let listener = SocketFolder::open(&folder).and_then(|sockets| sockets.listen("board.sock")).map_err(file("board.sock"))?;
    tracing::info!(restarts = bridge.facts.restarts, slots = bridge.facts.slots, "the board runs");
    let server = bridge.clone();
    std::thread::spawn(move || server.serve(&listener, || std::process::exit(0)));
    // The emulator ends with this thread; and this with the emulator, or with the folder that it belongs to.
    while !bridge.has_ended() && folder.join("firmware.bin").exists() {
        std::thread::sleep(LOOK);
    }
    for name in ["board.sock", "board.pid"] {
        let _ = fs::remove_file(folder.join(name));
    }
    tracing::info!("the board ends");
    Ok(())
}

/// The board at the end of a line, which runs by itself.
fn behind(device: String) -> Result<Arc<Bridge>, StartError> {
    let link = Link::remote(&device).map_err(|error| StartError::Line { device: device.clone(), error })?;
    tracing::info!(device, "looking for the board");
    Bridge::new(link).map_err(|error| StartError::Remote { device, error })
}

fn main() -> ExitCode {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, next) = error.code();
            tracing::error!(code, %error, "the board does not start");
            // One line of JSON: the agent reads it and shows it to whoever asked for the board.
            eprintln!("{}", serde_json::json!({ "code": code, "message": error.to_string(), "next": next }));
            ExitCode::FAILURE
        }
    }
}
