//! The control interface: HTTP with JSON on the Unix socket (`docs/agent-api.md`).

use crate::board::{self, Board};
use crate::calls;
use crate::error::ApiError;
use crate::events::EventPort;
use crate::handover;
use crate::metrics;
use crate::pcs;
use crate::sgx::{Description, Sgx};
use crate::streams;
use crate::supervisor::Supervisor;
use crate::trustzone::{self, TrustzoneBoard};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Bytes of the body that starts an instance: an image of 64 MiB in base64.
const MAX_IMAGE_BODY: usize = 90 << 20;
const MAX_BODY: usize = 256 << 10;
/// Bytes of the frames that a module host may keep, and of their length prefixes.
const MAX_FRAMES: usize = 320 << 20;

/// `GET /v1`, and the content of `node.json`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Version of the agent.
    pub agent: String,
    /// Versions of this interface.
    pub protocols: Vec<String>,
    /// Name of the node.
    pub node: String,
    /// Process id of the agent.
    pub pid: u32,
    /// RFC 3339.
    pub started_at: String,
    /// The node's folder.
    pub folder: String,
    /// The first event address.
    pub event_address: Address,
    /// All of them.
    pub event_addresses: Vec<Address>,
    /// Kinds of TEE it can host.
    pub tees: Vec<String>,
    /// What protects modules of a TEE on this node, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Description>,
}

/// A host and a port.
#[derive(Clone, Serialize)]
pub struct Address {
    /// An IP address.
    pub host: String,
    /// A TCP port.
    pub port: u16,
}

/// What the handlers share.
pub struct Agent {
    /// Who this is.
    pub about: About,
    /// Its TrustZone board.
    pub trustzone: TrustzoneBoard,
    /// Its instances.
    pub supervisor: Arc<Supervisor>,
    /// Its board.
    pub board: Board,
    /// Its event port.
    pub events: Arc<EventPort>,
    /// Its SGX, if it hosts SGX modules.
    pub sgx: Option<Arc<Sgx>>,
    /// True once the agent is to end.
    pub ending: watch::Sender<bool>,
    /// Callers that may listen at once.
    pub listeners: Arc<Semaphore>,
}

/// Shared state of the handlers.
pub type Shared = State<Arc<Agent>>;

/// A JSON body; errors have the interface's own form.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "AE-AGENT-TOO-LARGE", "the body is too large", "images have at most 64 MiB, other bodies 256 KiB")
            } else {
                ApiError::malformed(rejection.body_text())
            }
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| ApiError::malformed(format!("the body is not what this call takes: {error}")))
    }
}

/// Path parameters; errors have the interface's own form.
pub struct Names<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Names<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(names) = Path::<T>::from_request_parts(parts, state).await.map_err(|rejection| ApiError::malformed(rejection.body_text()))?;
        Ok(Self(names))
    }
}

/// `?version=…`: the call is for an instance as the caller has seen it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfVersion {
    /// Of the instance; none: whatever it is.
    pub version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for IfVersion {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(version) = Query::<Self>::from_request_parts(parts, state).await.map_err(|rejection| ApiError::malformed(rejection.body_text()))?;
        Ok(version)
    }
}

/// The interface's routes.
pub fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/v1", get(about))
        .route("/v1/trustzone", put(trustzone::put).layer(DefaultBodyLimit::max(MAX_IMAGE_BODY)).get(trustzone::show).delete(trustzone::end))
        .route("/v1/instances", get(calls::list))
        .route("/v1/instances/{instance}", put(calls::start).layer(DefaultBodyLimit::max(MAX_IMAGE_BODY)).get(calls::show).delete(calls::delete))
        .route("/v1/instances/{instance}/image", get(calls::image))
        .route("/v1/board", put(board::start).layer(DefaultBodyLimit::max(MAX_BODY)).get(board::show).delete(board::stop))
        .route("/v1/instances/{instance}/messages", post(calls::message))
        .route("/v1/instances/{instance}/promotion", post(handover::promote))
        .route("/v1/instances/{instance}/hand-over", get(handover::show))
        .route("/v1/instances/{instance}/frames", get(handover::frames).put(handover::take_frames).layer(DefaultBodyLimit::max(MAX_FRAMES)))
        .route("/v1/instances/{instance}/routes/{connection}", put(calls::set_route).delete(calls::remove_route))
        .route("/v1/instances/{instance}/triggers/{name}", put(calls::set_trigger).delete(calls::remove_trigger))
        .route("/v1/instances/{instance}/entries/{endpoint}", post(calls::call_entry))
        .route("/v1/instances/{instance}/pins", get(calls::pins))
        .route("/v1/instances/{instance}/pins/{endpoint}", put(calls::set_pin))
        .route("/v1/platform/pcs/{*path}", get(pcs::serve))
        .route("/v1/instances/{instance}/logs", get(streams::instance_log))
        .route("/v1/instances/{instance}/events", get(streams::events))
        .route("/v1/logs", get(streams::agent_log))
        .route("/v1/shutdown", post(shutdown))
        .route("/metrics", get(metrics::serve))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(agent)
}

async fn about(State(agent): Shared) -> impl IntoResponse {
    Json(About { platform: agent.sgx.as_ref().map(|sgx| sgx.description()), ..agent.about.clone() })
}

async fn shutdown(State(agent): Shared) -> impl IntoResponse {
    tracing::info!("shutting down on request");
    agent.supervisor.stop_all().await;
    if let Some(sgx) = &agent.sgx {
        sgx.stop().await;
    }
    agent.board.stop().await;
    agent.ending.send_replace(true);
    Json(serde_json::json!({}))
}

async fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "AE-AGENT-CALL", "there is no such call", "see docs/agent-api.md for the calls")
}

async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "AE-AGENT-METHOD", "this call has other methods", "see docs/agent-api.md for the calls")
}
