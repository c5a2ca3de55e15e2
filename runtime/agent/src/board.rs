//! The board of a node: its bridge is started, looked at and ended here. It runs beside the agent and survives it.

use crate::api::{Body, Shared};
use crate::child;
use crate::error::ApiError;
use crate::folder::write_json;
use authentic_process::SocketFolder;
use authentic_wire::board::{BoardCall, BoardFile, BoardMessage, BoardStatus};
use authentic_wire::control;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;

const START: Duration = Duration::from_secs(20);
const CALL: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A node's board.
pub struct Board {
    folder: PathBuf,
    binary: PathBuf,
    /// One start or end at a time.
    changes: tokio::sync::Mutex<()>,
}

fn storage(what: &'static str) -> impl Fn(io::Error) -> ApiError {
    move |error| ApiError::storage(what, &error)
}

impl Board {
    /// The board in this folder, with this bridge.
    #[must_use]
    pub fn new(folder: PathBuf, binary: PathBuf) -> Self {
        Self { folder, binary, changes: tokio::sync::Mutex::default() }
    }

    async fn call(&self, call: &BoardCall) -> io::Result<BoardMessage> {
        let sockets = SocketFolder::open(&self.folder)?;
        let asked = async {
            let mut stream = UnixStream::connect(sockets.address("board.sock")).await?;
            stream.write_all(&control::encode(call)).await?;
            let mut bytes = Vec::new();
            loop {
                let message = control::decode::<BoardMessage>(&mut bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                if let Some(message) = message.filter(|message| !message.is_notice()) {
                    return Ok(message);
                }
                if stream.read_buf(&mut bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        };
        tokio::time::timeout(CALL, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What the bridge says about its board; `None` where none runs.
    pub async fn status(&self) -> Option<BoardStatus> {
        match self.call(&BoardCall::Status).await {
            Ok(BoardMessage::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// Makes a board as described run. One that does goes on, another one is ended first, with what is on it.
    ///
    /// # Errors
    /// The bridge does not start.
    pub async fn start(&self, file: &BoardFile) -> Result<BoardStatus, ApiError> {
        let _exclusive = self.changes.lock().await;
        let description = self.folder.join("board.json");
        let wanted = serde_json::to_vec(file).map_err(|error| ApiError::malformed(error.to_string()))?;
        let same =
            fs::read(&description).is_ok_and(|present| serde_json::from_slice::<serde_json::Value>(&present).ok() == serde_json::from_slice(&wanted).ok());
        if same && let Some(status) = self.status().await {
            return Ok(status);
        }
        self.end().await;
        match fs::DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(ApiError::storage("create the board's folder", &error)),
            _ => {}
        }
        let _ = fs::remove_file(self.folder.join("board.sock"));
        // Its age tells how long it has been this board.
        if !same {
            write_json(&description, file).map_err(storage("write the board's settings"))?;
        }
        let mut child = self.spawn()?;
        let started = tokio::time::timeout(START, async {
            while child.try_wait().is_ok_and(|status| status.is_none()) {
                if let Some(status) = self.status().await {
                    return Some(status);
                }
                tokio::time::sleep(POLL).await;
            }
            None
        });
        if let Ok(Some(status)) = started.await {
            drop(child.stderr.take());
            tokio::spawn(async move { child.wait().await });
            return Ok(status);
        }
        Err(failure(child).await)
    }

    fn spawn(&self) -> Result<Child, ApiError> {
        child::start(&self.binary, &self.folder, Stdio::null()).map_err(|error| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "AE-AGENT-BOARD-BINARY",
                format!("cannot start the bridge {}: {error}", self.binary.display()),
                "install authentic-board beside authentic-host",
            )
        })
    }

    /// Since when it is the board that it is.
    fn since(&self) -> Option<String> {
        let modified = fs::metadata(self.folder.join("board.json")).and_then(|metadata| metadata.modified()).ok()?;
        Some(modified.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos().to_string())
    }

    fn shown(&self, status: BoardStatus) -> Json<Shown> {
        Json(Shown { status, since: self.since() })
    }

    async fn end(&self) {
        if self.call(&BoardCall::Stop).await.is_ok() {
            while self.status().await.is_some() {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Ends the bridge. The folder stays: an emulated board's non-volatile counter must never begin anew.
    pub async fn stop(&self) {
        let _exclusive = self.changes.lock().await;
        self.end().await;
    }
}

async fn failure(mut child: Child) -> ApiError {
    let _ = child.start_kill();
    let failure = child::start_failure(&mut child).await;
    let _ = child.wait().await;
    match failure {
        Some(failure) => failure.into_error(),
        None => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "AE-AGENT-BOARD", "the bridge of the board does not start", "look at board.log in the node's folder")
        }
    }
}

/// A board as callers see it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    status: BoardStatus,
    /// Nanoseconds of Unix time, decimal: others where somebody has made it another board.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

/// `PUT /v1/board`.
pub async fn start(State(agent): Shared, Body(file): Body<BoardFile>) -> Result<Response, ApiError> {
    let status = agent.board.start(&file).await?;
    Ok(agent.board.shown(status).into_response())
}

/// `GET /v1/board`.
pub async fn show(State(agent): Shared) -> Result<Response, ApiError> {
    match agent.board.status().await {
        Some(status) => Ok(agent.board.shown(status).into_response()),
        None => Err(ApiError::new(StatusCode::NOT_FOUND, "AE-AGENT-BOARD-NONE", "no board runs on this node", "start one with PUT /v1/board")),
    }
}

/// `DELETE /v1/board`.
pub async fn stop(State(agent): Shared) -> StatusCode {
    agent.board.stop().await;
    StatusCode::NO_CONTENT
}
