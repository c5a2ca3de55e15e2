//! Calls of the control interface about instances.

use crate::api::{Body, IfVersion, Names, Shared};
use crate::clock::now;
use crate::error::ApiError;
use crate::handover;
use crate::instance::Instance;
use authentic_wire::control::{Answer, Bytes, Call, Evidence};
use authentic_wire::id::{Id, Slot};
use authentic_wire::instance::{Declaration, InstanceFile};
use authentic_wire::message::MessageType;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;

const MAX_IMAGE: usize = 64 << 20;
const MAX_DECLARATIONS: usize = 1024;
const MAX_NAME: usize = 128;
const MAX_ENTRY_TIME_MS: u32 = 600_000;
const MAX_PERIOD_MS: u32 = 7 * 24 * 3_600_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Start {
    name: String,
    deployment: Id,
    tee: String,
    image: Bytes,
    entry_time_limit_ms: u32,
    interface: Vec<Declaration>,
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::malformed(format!("a name has 1 to {MAX_NAME} bytes and no control characters")));
    }
    Ok(())
}

fn unexpected() -> ApiError {
    ApiError::host_silent("the module host answers something else")
}

/// `GET /v1/instances`.
pub async fn list(State(agent): Shared) -> Response {
    let mut views = Vec::new();
    for instance in agent.supervisor.list() {
        views.push(instance.view().await);
    }
    Json(json!({ "instances": views })).into_response()
}

/// `PUT /v1/instances/{instance}`.
pub async fn start(State(agent): Shared, Names(slot): Names<Slot>, Body(body): Body<Start>) -> Result<Response, ApiError> {
    check_name(&body.name)?;
    if !agent.about.tees.contains(&body.tee) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "AE-AGENT-TEE",
            format!("this agent does not host modules of TEE \"{}\"", body.tee.escape_debug()),
            "use a node of one of the kinds that GET /v1 lists",
        ));
    }
    if !(1..=MAX_ENTRY_TIME_MS).contains(&body.entry_time_limit_ms) {
        return Err(ApiError::malformed(format!("entryTimeLimitMs is 1 to {MAX_ENTRY_TIME_MS}")));
    }
    if body.interface.len() > MAX_DECLARATIONS {
        return Err(ApiError::malformed(format!("an interface has at most {MAX_DECLARATIONS} declarations")));
    }
    for declaration in &body.interface {
        check_name(&declaration.name)?;
        check_name(&declaration.kind)?;
    }
    if body.image.0.len() > MAX_IMAGE {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "AE-AGENT-TOO-LARGE", "the image is larger than 64 MiB", "make the module smaller"));
    }
    let image = body.image.0;
    let backend = agent.sgx.as_ref().filter(|_| body.tee == "sgx").map(|sgx| sgx.backend());
    let file = InstanceFile {
        instance: slot.instance,
        name: body.name,
        deployment: body.deployment,
        tee: body.tee,
        backend,
        image_digest: Sha256::digest(&image).iter().map(|byte| format!("{byte:02x}")).collect(),
        entry_time_limit_ms: body.entry_time_limit_ms,
        interface: body.interface,
        started_at: now(),
    };
    let (instance, started) = agent.supervisor.put(file, slot.successor, image).await?;
    let status = if started { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(instance.view().await)).into_response())
}

/// `GET /v1/instances/{instance}`.
pub async fn show(State(agent): Shared, Names(instance): Names<Slot>) -> Result<Response, ApiError> {
    Ok(Json(agent.supervisor.get(instance)?.view().await).into_response())
}

/// `GET /v1/instances/{instance}/image`.
pub async fn image(State(agent): Shared, Names(instance): Names<Slot>) -> Result<Response, ApiError> {
    agent.supervisor.get(instance)?;
    let image = tokio::fs::read(agent.supervisor.folder_of(instance).join("image")).await.map_err(|error| ApiError::storage("read the image", &error))?;
    Ok(Json(json!({ "image": Bytes(image) })).into_response())
}

/// `DELETE /v1/instances/{instance}`.
pub async fn delete(State(agent): Shared, Names(instance): Names<Slot>, only: IfVersion) -> Result<StatusCode, ApiError> {
    agent.supervisor.delete(instance, only.version.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    #[serde(rename = "type")]
    kind: MessageType,
    body: Bytes,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    Refused {
        #[serde(rename = "type")]
        kind: &'static str,
        code: u16,
    },
    Message {
        #[serde(rename = "type")]
        kind: &'static str,
        body: Bytes,
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
}

/// `POST /v1/instances/{instance}/messages`.
pub async fn message(State(agent): Shared, Names(instance): Names<Slot>, Body(Message { kind, body }): Body<Message>) -> Result<Response, ApiError> {
    let sent = if handover::is_recorded(kind) { Some(body.0.clone()) } else { None };
    let instance = agent.supervisor.get(instance)?;
    let reply = match instance.call(Call::Message { kind, body }).await? {
        Answer::Message { body, evidence } => {
            if let Some(sent) = sent {
                handover::record(&agent.supervisor, &instance, kind, &sent, &body.0).await?;
            }
            Reply::Message { kind: kind.reply_name(), body, evidence }
        }
        Answer::Refused { code } => Reply::Refused { kind: "refused", code },
        _ => return Err(unexpected()),
    };
    Ok(Json(reply).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteBody {
    address: String,
    instance: Id,
}

/// `PUT /v1/instances/{instance}/routes/{connection}`.
pub async fn set_route(State(agent): Shared, Names((instance, connection)): Names<(Slot, u32)>, Body(route): Body<RouteBody>) -> Result<StatusCode, ApiError> {
    let address: SocketAddr = route
        .address
        .parse()
        .map_err(|_| ApiError::malformed("a route's address is an IP address and a port, such as 127.0.0.1:7000 or [::1]:7000; resolve names first"))?;
    agent.supervisor.get(instance)?.call(Call::Route { connection, address, instance: route.instance }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/instances/{instance}/routes/{connection}`.
pub async fn remove_route(State(agent): Shared, Names((instance, connection)): Names<(Slot, u32)>) -> Result<StatusCode, ApiError> {
    agent.supervisor.get(instance)?.call(Call::Unroute { connection }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TriggerBody {
    endpoint: u16,
    every_ms: u32,
}

/// `PUT /v1/instances/{instance}/triggers/{name}`.
pub async fn set_trigger(State(agent): Shared, Names((instance, name)): Names<(Slot, String)>, Body(trigger): Body<TriggerBody>) -> Result<StatusCode, ApiError> {
    check_name(&name)?;
    if !(1..=MAX_PERIOD_MS).contains(&trigger.every_ms) {
        return Err(ApiError::malformed(format!("everyMs is 1 to {MAX_PERIOD_MS}")));
    }
    let instance = agent.supervisor.get(instance)?;
    check_entry(&instance, trigger.endpoint)?;
    instance.call(Call::SetTrigger { name, endpoint: trigger.endpoint, every_ms: trigger.every_ms }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/instances/{instance}/triggers/{name}`.
pub async fn remove_trigger(State(agent): Shared, Names((instance, name)): Names<(Slot, String)>) -> Result<StatusCode, ApiError> {
    agent.supervisor.get(instance)?.call(Call::RemoveTrigger { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Only entries can be called; the module would not answer for anything else.
fn check_entry(instance: &Instance, endpoint: u16) -> Result<(), ApiError> {
    match instance.file.interface.get(usize::from(endpoint)) {
        Some(declaration) if declaration.kind == "entry" => Ok(()),
        Some(declaration) => Err(ApiError::malformed(format!("endpoint {endpoint} is the {} {}, not an entry", declaration.kind, declaration.name))),
        None => Err(ApiError::malformed(format!("the module has no endpoint {endpoint}"))),
    }
}

/// `POST /v1/instances/{instance}/entries/{endpoint}`.
pub async fn call_entry(State(agent): Shared, Names((instance, endpoint)): Names<(Slot, u16)>) -> Result<Response, ApiError> {
    let instance = agent.supervisor.get(instance)?;
    check_entry(&instance, endpoint)?;
    match instance.call(Call::Entry { endpoint }).await? {
        Answer::Entry { called } => Ok(Json(json!({ "result": if called { "done" } else { "full" } })).into_response()),
        _ => Err(unexpected()),
    }
}

/// `GET /v1/instances/{instance}/pins`.
pub async fn pins(State(agent): Shared, Names(instance): Names<Slot>) -> Result<Response, ApiError> {
    let instance = agent.supervisor.get(instance)?;
    let Answer::Pins { pins } = instance.call(Call::Pins).await? else { return Err(unexpected()) };
    let pins: Vec<_> = pins
        .iter()
        .map(|pin| {
            let name = instance.file.interface.get(usize::from(pin.endpoint)).map_or("", |declaration| &declaration.name);
            json!({ "endpoint": pin.endpoint, "name": name, "value": pin.value, "writes": pin.writes, "changedAt": pin.changed_at })
        })
        .collect();
    Ok(Json(json!({ "pins": pins })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinBody {
    value: u32,
}

/// `PUT /v1/instances/{instance}/pins/{endpoint}`.
pub async fn set_pin(State(agent): Shared, Names((instance, endpoint)): Names<(Slot, u16)>, Body(pin): Body<PinBody>) -> Result<StatusCode, ApiError> {
    agent.supervisor.get(instance)?.call(Call::SetPin { endpoint, value: pin.value }).await?;
    Ok(StatusCode::NO_CONTENT)
}
