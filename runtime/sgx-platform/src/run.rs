//! Runs a platform from start to end.

use crate::collateral::Issuer;
use crate::folder::{Folder, FolderError, SOCKETS};
use crate::identity::COMPONENTS;
use crate::keys::{KeyError, Keys};
use crate::quoting::QuotingEnclave;
use crate::{aesm, pcs};
use authentic_serve::http;
use authentic_sgx::Processor;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Why a platform does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The processor's file cannot be used.
    #[error("the emulated processor cannot be used: {0}")]
    Processor(io::Error),
    /// A certificate cannot be encoded.
    #[error("cannot write certificates: {0}")]
    Encoding(#[from] der::Error),
    /// The system refuses something else.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl RunError {
    /// Stable code, and the next step.
    pub fn code(&self) -> (&'static str, &'static str) {
        const SYSTEM: (&str, &str) = ("AE-SGX-SYSTEM", "check the file system of the node's folder and the machine's limits");
        let by_kind = |error: &io::Error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("AE-SGX-DISK-FULL", "free space on the file system of the node's folder"),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                ("AE-SGX-READ-ONLY", "make the node's folder writable for the user that runs the agent, and for nobody else")
            }
            _ if error.raw_os_error() == Some(libc::EAGAIN) => {
                ("AE-SGX-MEMLOCK", "raise the limit of locked memory (`ulimit -l`): keys are kept in memory that is never swapped")
            }
            _ => SYSTEM,
        };
        match self {
            Self::Folder(FolderError::Held(_)) => ("AE-SGX-RUNNING", "end the other process"),
            Self::Keys(KeyError::Damaged(_)) => ("AE-SGX-KEYS", "replace the node: its keys are lost, and with them what its evidence was trusted by"),
            Self::Keys(KeyError::Exposed(_)) => ("AE-SGX-EXPOSED", "replace the node: others may have read its keys"),
            Self::Keys(KeyError::Encoding(_)) | Self::Encoding(_) => ("AE-SGX-CLOCK", "set the system's clock"),
            Self::Folder(FolderError::Io { error, .. }) | Self::Keys(KeyError::Io { error, .. }) | Self::Processor(error) | Self::System(error) => {
                by_kind(error)
            }
        }
    }
}

/// Serves the platform in `path` until SIGTERM or SIGINT.
///
/// # Errors
/// Why it does not start.
pub async fn run(path: &Path) -> Result<(), RunError> {
    // No core dumps, and no other process of this user reads this one's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
    let folder = Folder::take(path)?;
    authentic_journal::start(&folder.file("platform.log"))?;
    let result = serve(&folder).await;
    if let Err(error) = &result {
        tracing::error!(%error, "the platform does not start");
    }
    folder.leave();
    result
}

async fn serve(folder: &Folder) -> Result<(), RunError> {
    let keys = Arc::new(Keys::open(&folder.file("keys"), SystemTime::now())?);
    let processor = folder.file("processor");
    match Processor::read(&processor) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Processor::create(&processor, COMPONENTS),
        other => other,
    }
    .map_err(RunError::Processor)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let quoting = Arc::new(aesm::Service::new(QuotingEnclave::new(keys.clone(), processor)?));
    let provisioning = pcs::Service { description: pcs::description(&keys.platform), issuer: Issuer::new(keys.clone())? };
    let [quoting_socket, provisioning_socket] = SOCKETS;
    tokio::spawn(quoting.serve(folder.listen(quoting_socket)?));
    // The last socket: a platform that answers on it is complete.
    let provisioning_listener = folder.listen(provisioning_socket)?;
    let ending = watch::Sender::new(false);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), memory = keys.memory(), "emulated SGX platform starts");
    tokio::select! {
        () = http::serve(provisioning_listener, pcs::router(Arc::new(provisioning)), ending.subscribe()) => {}
        _ = terminate.recv() => tracing::info!("ending on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("ending on SIGINT"),
    }
    Ok(())
}
