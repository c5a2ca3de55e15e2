//! SGX of a node: the machine's own, or an emulated platform.

use crate::error::ApiError;
use crate::folder::Folder;
use crate::platform::{Identity, Platform};
use authentic_wire::instance::Backend;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Device of the kernel's SGX driver.
pub const DEVICE: &str = "/dev/sgx_enclave";

/// Where SGX modules run.
pub enum SgxBackend {
    /// On the machine's SGX.
    Hardware,
    /// On an emulated processor; the path is that of `authentic-sgx-platform`.
    Emulated(PathBuf),
}

/// `platform` of `GET /v1`.
#[derive(Clone, Serialize)]
pub struct Description {
    tee: &'static str,
    backend: Backend,
    #[serde(flatten)]
    identity: Option<Identity>,
}

/// SGX of a node.
pub enum Sgx {
    Hardware,
    Emulated(Platform),
}

impl Sgx {
    /// SGX of this machine; `None` where it has none.
    pub fn hardware() -> Option<Self> {
        Path::new(DEVICE).exists().then_some(Self::Hardware)
    }

    /// Emulated SGX: its platform is started, or adopted where it runs already.
    ///
    /// # Errors
    /// The platform does not start.
    pub async fn emulated(binary: &Path, folder: &Arc<Folder>) -> Result<Self, ApiError> {
        Platform::start(binary, folder).await.map(Self::Emulated)
    }

    /// Where it is.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Hardware => Backend::Hardware,
            Self::Emulated(_) => Backend::Emulated,
        }
    }

    /// What the node says about it.
    pub fn description(&self) -> Description {
        let identity = match self {
            Self::Hardware => None,
            Self::Emulated(platform) => Some(platform.identity()),
        };
        Description { tee: "sgx", backend: self.backend(), identity }
    }

    /// Ends what an emulation runs.
    pub async fn stop(&self) {
        if let Self::Emulated(platform) = self {
            platform.stop().await;
        }
    }
}
