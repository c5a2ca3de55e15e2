//! `instance.json`: what the agent was told about an instance, read by its module host and by a restarted agent.

use crate::id::Id;
use serde::{Deserialize, Serialize};

/// A declaration of the module's interface; its place in the list is its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Name in the source.
    pub name: String,
    /// `input`, `output`, `entry`, `request`, `handler`, `state`, `integer`, `text` or `device`.
    pub kind: String,
}

/// The content of `instance.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceFile {
    /// Its id, which is also the name of its folder.
    pub instance: Id,
    /// The module's name.
    pub name: String,
    /// Its deployment.
    pub deployment: Id,
    /// Kind of TEE, `native`.
    pub tee: String,
    /// SHA-256 of the image, hexadecimal.
    pub image_digest: String,
    /// Processor time one entry may take.
    pub entry_time_limit_ms: u32,
    /// Declarations by endpoint.
    pub interface: Vec<Declaration>,
    /// When the host was started, RFC 3339.
    pub started_at: String,
}
