//! What of a hand-over (`docs/protocol.md` section 9) outlives the processes that take part in it: the messages that only the
//! old instance can make, and the frames that nobody has acknowledged. All of it is sealed; the agent only keeps it.

use crate::api::{IfVersion, Names, Shared};
use crate::error::ApiError;
use crate::folder::replace;
use crate::instance::Instance;
use crate::supervisor::Supervisor;
use authentic_wire::control::{Answer, Bytes, Call};
use authentic_wire::frame::PREFIX;
use authentic_wire::id::Slot;
use authentic_wire::message::MessageType;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

const FOLDER: &str = "hand-over";
/// Bytes of frames in one call: as many as fit into a control message.
const CHUNK: usize = 192 << 10;

/// Whether what is said with this message is needed when somebody was interrupted.
pub fn is_recorded(kind: MessageType) -> bool {
    matches!(kind, MessageType::Prepare | MessageType::Release | MessageType::Offer)
}

/// Keeps a message and its reply before anybody gets to know that there is a reply. With a Prepare, which stops the module,
/// the frames it has emitted so far.
///
/// # Errors
/// The disk is full, the module host does not say which frames it keeps, or the instance that was offered a state is being
/// ended: then nobody may believe that it has it.
pub async fn record(supervisor: &Supervisor, instance: &Arc<Instance>, kind: MessageType, message: &[u8], reply: &[u8]) -> Result<(), ApiError> {
    let folder = supervisor.folder_of(instance.slot()).join(FOLDER);
    let storage = |error: io::Error| ApiError::storage("keep a step of the hand-over", &error);
    let keep = |name: &str, content: &[u8]| replace(&folder.join(name), content).map_err(storage);
    match kind {
        MessageType::Prepare => {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(storage(error)),
                _ => fs::create_dir(&folder).map_err(storage)?,
            }
            keep("frames", &export(instance).await?)?;
            keep("state", reply)?;
            keep("prepare", message)
        }
        MessageType::Release => {
            keep("released", reply)?;
            keep("release", message)
        }
        _ => {
            supervisor
                .while_there(instance, || {
                    fs::create_dir_all(&folder).map_err(storage)?;
                    keep("offer", message)?;
                    instance.offer();
                    Ok(())
                })
                .await
        }
    }
}

/// Whether a state was offered to the instance of this folder.
pub fn was_offered(folder: &Path) -> bool {
    folder.join(FOLDER).join("offer").exists()
}

async fn export(instance: &Instance) -> Result<Vec<u8>, ApiError> {
    let mut all = Vec::new();
    let mut count = 0;
    loop {
        let Answer::Frames { frames } = instance.call(Call::Export { skip: count }).await? else {
            return Err(ApiError::host_silent("the module host answers something else"));
        };
        if frames.is_empty() {
            return Ok(all);
        }
        count += frames.len() as u32;
        for Bytes(frame) in frames {
            all.extend((frame.len() as u32).to_be_bytes());
            all.extend(frame);
        }
    }
}

/// Frames with their length prefixes, in groups that fit into a control message.
fn groups(bytes: &[u8]) -> Option<Vec<Vec<Bytes>>> {
    let mut groups = vec![Vec::new()];
    let (mut rest, mut length) = (bytes, 0);
    while let Some((prefix, after)) = rest.split_first_chunk::<PREFIX>() {
        let frame = after.get(..u32::from_be_bytes(*prefix) as usize)?;
        rest = &after[frame.len()..];
        if length + frame.len() > CHUNK {
            groups.push(Vec::new());
            length = 0;
        }
        length += frame.len();
        groups.last_mut()?.push(Bytes(frame.to_vec()));
    }
    rest.is_empty().then_some(groups)
}

#[derive(Serialize)]
struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    prepare: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<Bytes>,
}

/// `GET /v1/instances/{instance}/hand-over`.
pub async fn show(State(agent): Shared, Names(slot): Names<Slot>) -> Result<Response, ApiError> {
    agent.supervisor.get(slot)?;
    let folder = agent.supervisor.folder_of(slot).join(FOLDER);
    let read = |name: &str| fs::read(folder.join(name)).ok().map(Bytes);
    let record = Record { prepare: read("prepare"), state: read("state"), offer: read("offer"), release: read("release"), released: read("released") };
    Ok(Json(record).into_response())
}

/// `GET /v1/instances/{instance}/frames`.
pub async fn frames(State(agent): Shared, Names(slot): Names<Slot>) -> Result<Response, ApiError> {
    agent.supervisor.get(slot)?;
    let path = agent.supervisor.folder_of(slot).join(FOLDER).join("frames");
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ApiError::new(StatusCode::NOT_FOUND, "AE-AGENT-NO-HANDOVER", "this instance was not prepared for a hand-over", "prepare it first"))
        }
        Err(error) => Err(ApiError::storage("read the frames of the hand-over", &error)),
    }
}

/// `PUT /v1/instances/{instance}/frames`.
pub async fn take_frames(State(agent): Shared, Names(slot): Names<Slot>, body: axum::body::Bytes) -> Result<StatusCode, ApiError> {
    let instance = agent.supervisor.get(slot)?;
    let groups = groups(&body).ok_or_else(|| ApiError::malformed("frames come each behind its length"))?;
    for (index, frames) in groups.into_iter().enumerate() {
        instance.call(Call::Import { frames, first: index == 0 }).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/instances/{instance}/promotion`.
pub async fn promote(State(agent): Shared, Names(slot): Names<Slot>, only: IfVersion) -> Result<Response, ApiError> {
    Ok(Json(agent.supervisor.promote(slot.instance, only.version.as_deref()).await?.view().await).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_grouped_and_keep_their_order() {
        let frame = |value: u8, length: usize| [&(length as u32).to_be_bytes()[..], &vec![value; length][..]].concat();
        let bytes: Vec<u8> = (0..9).flat_map(|value| frame(value, 60_000)).collect();
        let groups = groups(&bytes).expect("frames");
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
        assert_eq!(groups.concat().iter().map(|frame| frame.0[0]).collect::<Vec<_>>(), (0..9).collect::<Vec<u8>>());
    }

    #[test]
    fn refuses_frames_that_are_cut() {
        for bytes in [&[0, 0, 0, 5, 1][..], &[0, 0, 0]] {
            assert_eq!(groups(bytes), None);
        }
        assert_eq!(groups(&[]).map(|groups| groups.len()), Some(1));
    }
}
