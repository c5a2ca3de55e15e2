//! Answers that go on while the caller reads them: events as they happen, logs as they grow.
//!
//! Nothing is kept for a caller that reads slowly: the trace forgets its oldest events and says how many, logs are read
//! from their files.

use crate::api::{Agent, Names, Shared};
use crate::error::ApiError;
use crate::instance::Instance;
use crate::logs::Follower;
use authentic_wire::control::{Answer, Call};
use authentic_wire::id::Slot;
use authentic_wire::trace::Trace;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OwnedSemaphorePermit;

/// Callers that may listen at once.
pub const MAX_LISTENERS: usize = 32;
const MAX_LINES: usize = 10_000;
const POLL: Duration = Duration::from_millis(100);
/// An empty line after so long shows a caller that the agent is there, and the agent that the caller is.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

fn listen(agent: &Agent) -> Result<OwnedSemaphorePermit, ApiError> {
    agent.listeners.clone().try_acquire_owned().map_err(|_| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "AE-AGENT-LISTENERS",
            format!("{MAX_LISTENERS} callers follow events or logs of this node already"),
            "end one of them, then try again",
        )
    })
}

struct Watching {
    agent: Arc<Agent>,
    instance: Arc<Instance>,
    next: u64,
    said: Instant,
    _place: OwnedSemaphorePermit,
}

async fn trace(instance: &Instance, from: Option<u64>) -> Result<Trace, ApiError> {
    match instance.call(Call::Trace { from }).await? {
        Answer::Trace(trace) => Ok(*trace),
        _ => Err(ApiError::host_silent("the module host answers something else")),
    }
}

fn lines(trace: &Trace) -> String {
    let mut text = String::new();
    if trace.missed > 0 {
        text.push_str(&json!({ "missed": trace.missed }).to_string());
        text.push('\n');
    }
    for event in &trace.events {
        text.push_str(&json!(event).to_string());
        text.push('\n');
    }
    text
}

/// The next lines; none once the module host is gone or the agent is to end.
async fn watch(mut state: Watching) -> Option<(Result<Bytes, Infallible>, Watching)> {
    loop {
        if *state.agent.ending.borrow() {
            return None;
        }
        let trace = trace(&state.instance, Some(state.next)).await.ok()?;
        state.next = trace.next;
        let mut text = lines(&trace);
        if text.is_empty() && state.said.elapsed() >= SIGN_OF_LIFE {
            text.push('\n');
        }
        if !text.is_empty() {
            state.said = Instant::now();
            return Some((Ok(text.into()), state));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// `GET /v1/instances/{instance}/events`.
pub async fn events(State(agent): Shared, Names(instance): Names<Slot>) -> Result<Response, ApiError> {
    let instance = agent.supervisor.get(instance)?;
    let place = listen(&agent)?;
    let next = trace(&instance, None).await?.next;
    let state = Watching { agent, instance, next, said: Instant::now(), _place: place };
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(unfold(state, watch))).into_response())
}

#[derive(Deserialize)]
pub struct LogQuery {
    lines: Option<usize>,
    #[serde(default)]
    follow: bool,
}

struct Following {
    agent: Arc<Agent>,
    /// The instance whose log it is; none for the agent's own.
    instance: Option<Slot>,
    /// What is to be sent before anything new.
    first: String,
    follower: Follower,
    _place: OwnedSemaphorePermit,
}

/// More of a log; nothing once its instance was deleted or the agent is to end.
async fn follow(mut state: Following) -> Option<(Result<Bytes, Infallible>, Following)> {
    loop {
        let first = std::mem::take(&mut state.first);
        if !first.is_empty() {
            return Some((Ok(first.into()), state));
        }
        // Asked before the log is read, so that the last lines are sent too.
        let over = *state.agent.ending.borrow() || state.instance.is_some_and(|id| state.agent.supervisor.get(id).is_err());
        let more = state.follower.more();
        if !more.is_empty() {
            return Some((Ok(more.into()), state));
        }
        if over {
            return None;
        }
        tokio::time::sleep(POLL).await;
    }
}

fn log(agent: Arc<Agent>, instance: Option<Slot>, path: &Path, query: &LogQuery) -> Result<Response, ApiError> {
    let (first, follower) = Follower::begin(path, query.lines.unwrap_or(100).min(MAX_LINES));
    if !query.follow {
        return Ok(first.into_response());
    }
    let state = Following { _place: listen(&agent)?, agent, instance, first, follower };
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], Body::from_stream(unfold(state, follow))).into_response())
}

/// `GET /v1/instances/{instance}/logs`.
pub async fn instance_log(State(agent): Shared, Names(instance): Names<Slot>, query: Query<LogQuery>) -> Result<Response, ApiError> {
    agent.supervisor.get(instance)?;
    let path = agent.supervisor.folder_of(instance).join("host.log");
    log(agent, Some(instance), &path, &query)
}

/// `GET /v1/logs`.
pub async fn agent_log(State(agent): Shared, query: Query<LogQuery>) -> Result<Response, ApiError> {
    let path = Path::new(&agent.about.folder).join("agent.log");
    log(agent, None, &path, &query)
}
