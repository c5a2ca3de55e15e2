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

/// Where an enclave runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// On the processor's own enclave memory.
    Hardware,
    /// In the module host, with the processor's enclave instructions emulated.
    Emulated,
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
    /// Kind of TEE, `native` or `sgx`.
    pub tee: String,
    /// How the node runs it; kinds that run in one way have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// SHA-256 of the image, hexadecimal.
    pub image_digest: String,
    /// Processor time one entry may take.
    pub entry_time_limit_ms: u32,
    /// Declarations by endpoint.
    pub interface: Vec<Declaration>,
    /// When the host was started, RFC 3339.
    pub started_at: String,
}
