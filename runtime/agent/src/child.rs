//! Programs that the agent starts: how, and what they say when they do not start.

use crate::error::ApiError;
use axum::http::StatusCode;
use serde::Deserialize;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

const READ: Duration = Duration::from_secs(3);
const MAX_ERROR: u64 = 16 * 1024;

/// The last line that a program prints when it does not start.
#[derive(Deserialize)]
pub struct StartFailure {
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub next: String,
}

impl StartFailure {
    /// As the answer of a call.
    pub fn into_error(self) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, &self.code, self.message, &self.next)
    }
}

/// Starts `binary` for `folder`, without the agent's environment and terminal. It outlives an agent that is killed.
///
/// # Errors
/// It cannot be executed.
pub fn start(binary: &Path, folder: &Path, input: Stdio) -> io::Result<Child> {
    let mut command = std::process::Command::new(binary);
    command
        .arg("--folder")
        .arg(folder)
        .env_clear()
        .current_dir("/")
        // Its own group: a signal to the agent's terminal must not reach it.
        .process_group(0)
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Command::from(command).spawn()
}

/// Why a program that has ended, or was killed, did not start; `None` where it did not say.
pub async fn start_failure(child: &mut Child) -> Option<StartFailure> {
    let mut output = String::new();
    if let Some(stderr) = child.stderr.take() {
        let _ = tokio::time::timeout(READ, stderr.take(MAX_ERROR).read_to_string(&mut output)).await;
    }
    output.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}
