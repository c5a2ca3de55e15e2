//! Errors of the control interface: a status, a stable code, what is wrong and what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::io;

/// An error a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// `AE-AGENT-…`, or `AE-HOST-…` from a module host.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub next: String,
}

impl ApiError {
    /// An error with this status.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>, next: &str) -> Self {
        Self { status, code: code.into(), message: message.into(), next: next.into() }
    }

    /// Something in the request is wrong.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "AE-AGENT-MALFORMED", message, "see docs/agent-api.md for the request's form")
    }

    /// No such instance.
    pub fn unknown_instance(id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "AE-AGENT-UNKNOWN", format!("there is no instance {id} on this node"), "start it with PUT /v1/instances/{instance}")
    }

    /// The module host does not answer.
    pub fn host_silent(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "AE-AGENT-HOST", message, "look at the instance's state and logs; delete the instance and start it again")
    }

    /// A file of the node's folder cannot be read or written.
    pub fn storage(what: &str, error: &io::Error) -> Self {
        let (code, next) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("AE-AGENT-DISK-FULL", "free space on the file system of the node's folder"),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                ("AE-AGENT-READ-ONLY", "make the node's folder writable for the user that runs the agent")
            }
            _ => ("AE-AGENT-STORAGE", "check the file system of the node's folder"),
        };
        Self::new(StatusCode::INSUFFICIENT_STORAGE, code, format!("cannot {what}: {error}"), next)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "next": self.next } });
        (self.status, Json(body)).into_response()
    }
}
