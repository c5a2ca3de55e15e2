//! `authentic-board`: the bridge of a board. Started by the agent of the node.

use authentic_board::board::Board;
use authentic_board::line::Line;
use authentic_board::server::Server;
use authentic_board::{Emulated, Serial};
use authentic_process::SocketFolder;
use authentic_sancus::crypto::Key;
use authentic_wire::board::BoardFile;
use clap::Parser;
use mio::net::UnixListener;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bridge of a board.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the board, with `board.json`.
    #[arg(long)]
    folder: PathBuf,
}

/// Why the bridge does not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("board.json is not understood: {0}")]
    Description(serde_json::Error),
    #[error("the node key has another length than 8 or 16 bytes")]
    Key,
    #[error("the board cannot be reached: {0}")]
    Line(io::Error),
    #[error(transparent)]
    Link(#[from] authentic_board::link::LinkError),
    #[error(transparent)]
    System(#[from] io::Error),
}

impl StartError {
    /// Stable code and next step.
    fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::File(_, error) | Self::System(error) | Self::Line(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("AE-BOARD-DISK-FULL", "free space on the file system of the node's folder"),
                io::ErrorKind::ReadOnlyFilesystem => ("AE-BOARD-READ-ONLY", "make the node's folder writable for the user that runs the agent"),
                _ => ("AE-BOARD-START", "correct the node's board settings; see board.log in the node's folder"),
            },
            _ => ("AE-BOARD-START", "correct the node's board settings; see board.log in the node's folder"),
        }
    }
}

fn line(folder: &Path, file: BoardFile) -> Result<Box<dyn Line>, StartError> {
    Ok(match file {
        BoardFile::Emulated { firmware, node_key, freshness, clock_hz } => {
            let key = Key::new(&node_key.0).map_err(|_| StartError::Key)?;
            Box::new(Emulated::new(&firmware.0, key, freshness, folder.join("counter"), clock_hz).map_err(StartError::Line)?)
        }
        BoardFile::Serial { device, baud } => Box::new(Serial::open(&device, baud).map_err(StartError::Line)?),
    })
}

fn run(folder: &Path) -> Result<(), StartError> {
    let file = |name: &str| {
        let path = folder.join(name);
        |error| StartError::File(path, error)
    };
    authentic_journal::start(&folder.join("board.log")).map_err(file("board.log"))?;
    let description = fs::read(folder.join("board.json")).map_err(file("board.json"))?;
    let description = serde_json::from_slice(&description).map_err(StartError::Description)?;
    let board = Board::new(line(folder, description)?)?;
    fs::write(folder.join("board.pid"), format!("{}\n", std::process::id())).map_err(file("board.pid"))?;
    let listener = SocketFolder::open(folder)?.listen("board.sock")?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "bridge starts");
    Server::new(board).run(listener, folder)?;
    let _ = fs::remove_file(folder.join("board.sock"));
    tracing::info!("bridge ends");
    Ok(())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match run(&arguments.folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the bridge does not start");
            let (code, next) = error.code();
            eprintln!("{}", serde_json::json!({ "code": code, "message": error.to_string(), "next": next }));
            ExitCode::FAILURE
        }
    }
}
