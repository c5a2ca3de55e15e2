//! The node's TrustZone board: one process that runs it and carries what module hosts ask of it (`docs/trustzone.md`).

use crate::api::{Body, Shared};
use crate::child::{self, StartFailure};
use crate::error::ApiError;
use authentic_process::SocketFolder;
use authentic_wire::control::Bytes;
use authentic_wire::trustzone::{Facts, HEADER, Header, Operation, read_message, write_message};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const MAX_IMAGE: usize = 1 << 20;
const MAX_REPLY: usize = 4096;
const MAX_DEVICE: usize = 100;

/// The board of a node, in its folder.
pub struct TrustzoneBoard {
    folder: PathBuf,
    binary: PathBuf,
    change: tokio::sync::Mutex<()>,
}

fn failed(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "AE-AGENT-TRUSTZONE", message, "see trustzone/board.log in the node's folder")
}

/// Asks the bridge in `folder` for one thing.
fn ask(folder: &Path, operation: Operation) -> io::Result<Vec<u8>> {
    let mut stream = SocketFolder::open(folder)?.connect("board.sock")?;
    stream.set_read_timeout(Some(START))?;
    write_message(&mut stream, &Header { operation: operation as u8, slot: 0, sequence: 1, a: 0, b: 0 }, &[])?;
    let (_, body) = read_message(&mut stream, HEADER + MAX_REPLY)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(body)
}

impl TrustzoneBoard {
    /// The board in the node's folder; `binary` is `authentic-trustzone`.
    pub fn new(node: &Path, binary: PathBuf) -> Self {
        Self { folder: node.join("trustzone"), binary, change: tokio::sync::Mutex::default() }
    }

    async fn facts(&self) -> Option<Facts> {
        let folder = self.folder.clone();
        let body = tokio::task::spawn_blocking(move || ask(&folder, Operation::Facts)).await.ok()?.ok()?;
        Facts::decode(&body)
    }

    /// Ends the board, and every module on it.
    pub async fn end(&self) {
        let _exclusive = self.change.lock().await;
        self.stop().await;
    }

    async fn stop(&self) {
        let folder = self.folder.clone();
        // It ends without an answer.
        let _ = tokio::task::spawn_blocking(move || ask(&folder, Operation::End)).await;
        let _ = fs::remove_file(self.folder.join("board.sock"));
    }

    /// Runs a board with this software: one that does is left alone.
    async fn ensure(&self, firmware: &[u8], nonsecure: &[u8], device: Option<&str>) -> Result<Facts, ApiError> {
        let _exclusive = self.change.lock().await;
        let same = |name: &str, content: &[u8]| fs::read(self.folder.join(name)).is_ok_and(|present| present == content);
        if same("firmware.bin", firmware)
            && same("nonsecure.bin", nonsecure)
            && fs::read_to_string(self.folder.join("device")).ok().as_deref() == device
            && let Some(facts) = self.facts().await
        {
            return Ok(facts);
        }
        self.stop().await;
        let storage = |error| ApiError::storage("write the board's folder", &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(storage)?;
        fs::write(self.folder.join("firmware.bin"), firmware).map_err(storage)?;
        fs::write(self.folder.join("nonsecure.bin"), nonsecure).map_err(storage)?;
        match device {
            Some(device) => fs::write(self.folder.join("device"), device),
            None => fs::remove_file(self.folder.join("device")).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }),
        }
        .map_err(storage)?;
        self.start().await
    }

    async fn start(&self) -> Result<Facts, ApiError> {
        let mut child =
            child::start(&self.binary, &self.folder, Stdio::null()).map_err(|error| failed(format!("cannot start {}: {error}", self.binary.display())))?;
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < START {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(child::start_failure(&mut child).await.map_or_else(|| failed("the board ended at once"), StartFailure::into_error));
            }
            if self.folder.join("board.sock").exists()
                && let Some(facts) = self.facts().await
            {
                drop(child.stderr.take());
                // Reaped when it ends; nothing else waits for it.
                tokio::spawn(async move { child.wait().await });
                return Ok(facts);
            }
            tokio::time::sleep(POLL).await;
        }
        let _ = child.start_kill();
        let _ = child.wait().await;
        Err(failed("the board does not answer"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn view(facts: &Facts) -> Response {
    Json(json!({
        "instanceId": hex(&facts.instance_id),
        "publicKey": hex(&facts.public_key),
        "implementationId": hex(&facts.implementation_id),
        "firmware": hex(&facts.firmware),
        "lifecycle": facts.lifecycle,
        "slots": facts.slots,
        "restarts": facts.restarts,
    }))
    .into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Software {
    firmware: Bytes,
    nonsecure: Bytes,
    /// Where a board is that runs by itself; its owner puts the images there.
    #[serde(default)]
    device: Option<String>,
}

/// `PUT /v1/trustzone`.
pub async fn put(State(agent): Shared, Body(body): Body<Software>) -> Result<Response, ApiError> {
    if body.firmware.0.is_empty() || body.nonsecure.0.is_empty() || body.firmware.0.len().max(body.nonsecure.0.len()) > MAX_IMAGE {
        return Err(ApiError::malformed("a board's images have 1 byte to 1 MiB"));
    }
    if body.device.as_ref().is_some_and(|device| device.is_empty() || device.len() > MAX_DEVICE) {
        return Err(ApiError::malformed("a board's device has 1 to 100 bytes"));
    }
    Ok(view(&agent.trustzone.ensure(&body.firmware.0, &body.nonsecure.0, body.device.as_deref()).await?))
}

/// `GET /v1/trustzone`.
pub async fn show(State(agent): Shared) -> Result<Response, ApiError> {
    match agent.trustzone.facts().await {
        Some(facts) => Ok(view(&facts)),
        None => Err(ApiError::new(StatusCode::NOT_FOUND, "AE-AGENT-NO-TRUSTZONE", "no TrustZone board runs on this node", "start it with PUT /v1/trustzone")),
    }
}

/// `DELETE /v1/trustzone`.
pub async fn end(State(agent): Shared) -> StatusCode {
    agent.trustzone.end().await;
    StatusCode::NO_CONTENT
}
