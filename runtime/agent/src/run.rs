//! Runs an agent from start to end.

use crate::api::{About, Address, Agent, router};
use crate::clock::now;
use crate::events::{EventPort, bind};
use crate::folder::{Folder, FolderError};
use crate::supervisor::Supervisor;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use std::fs::Permissions;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Version of the control interface.
const PROTOCOL: &str = "agent/1";

/// What an agent is started with.
pub struct Options {
    /// The node's folder.
    pub folder: PathBuf,
    /// The node's name.
    pub node: String,
    /// Event addresses; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// Path of `authentic-host`.
    pub host_binary: PathBuf,
}

/// Why an agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An event address cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    /// The system refuses something else.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl RunError {
    /// Stable code, next step, and exit status of the process.
    pub fn code(&self) -> (&'static str, &'static str, u8) {
        match self {
            Self::Folder(FolderError::Held(_)) => ("AE-AGENT-RUNNING", "use that agent, or end it with POST /v1/shutdown", 4),
            Self::Folder(FolderError::Io { error, .. }) | Self::System(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ("AE-AGENT-DISK-FULL", "free space on the file system of the node's folder", 5),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    ("AE-AGENT-READ-ONLY", "make the node's folder writable for the user that runs the agent", 5)
                }
                _ => ("AE-AGENT-SYSTEM", "check the node's folder and the machine's limits", 6),
            },
            Self::Listen { error, .. } => match error.kind() {
                io::ErrorKind::AddrInUse => ("AE-AGENT-PORT", "choose another event port, or 0 to let the system choose", 3),
                _ => ("AE-AGENT-ADDRESS", "choose an address of this machine and a port this user may use", 3),
            },
        }
    }

    /// The error as JSON: `code`, `message`, `next`.
    pub fn to_json(&self) -> serde_json::Value {
        let (code, next, _) = self.code();
        json!({ "code": code, "message": self.to_string(), "next": next })
    }
}

/// Runs an agent until it is told to end.
///
/// # Errors
/// Why it does not start.
pub async fn run(options: Options) -> Result<(), RunError> {
    let folder = Arc::new(Folder::take(&options.folder)?);
    authentic_journal::start(&folder.path().join("agent.log"))?;
    raise_descriptor_limit();
    // The folder is ours from here on, so that a reason for not starting can be left in it.
    let result = serve(options, folder.clone()).await;
    if let Err(error) = &result {
        tracing::error!(%error, "the agent does not start");
        let _ = folder.describe(&json!({ "error": error.to_json() }));
    }
    folder.leave();
    result
}

async fn serve(options: Options, folder: Arc<Folder>) -> Result<(), RunError> {
    let listeners = bind(&options.listen).map_err(|(address, error)| RunError::Listen { address, error })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let about = about(&options, &folder, &listeners)?;
    let supervisor = Arc::new(Supervisor::start(folder.clone(), options.host_binary).await?);
    let events = EventPort::new(supervisor.clone());
    let control = control_socket(&folder)?;
    folder.describe(&about)?;
    tracing::info!(node = %about.node, version = %about.agent, "agent starts");
    let agent = Arc::new(Agent { about, supervisor: supervisor.clone(), events: events.clone(), ending: Notify::new() });
    for listener in listeners {
        tokio::spawn(events.clone().serve(listener));
    }
    let ending = agent.clone();
    let served = axum::serve(control, router(agent)).with_graceful_shutdown(async move { ending.ending.notified().await });
    tokio::select! {
        result = served.into_future() => result?,
        _ = terminate.recv() => tracing::info!("ending on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("ending on SIGINT"),
    }
    supervisor.stop_all().await;
    tracing::info!("agent ends");
    Ok(())
}

fn about(options: &Options, folder: &Folder, listeners: &[TcpListener]) -> io::Result<About> {
    let mut event_addresses = Vec::new();
    for listener in listeners {
        let address = listener.local_addr()?;
        event_addresses.push(Address { host: address.ip().to_string(), port: address.port() });
    }
    Ok(About {
        agent: env!("CARGO_PKG_VERSION").into(),
        protocols: vec![PROTOCOL.into()],
        node: options.node.clone(),
        pid: std::process::id(),
        started_at: now(),
        folder: folder.path().display().to_string(),
        event_address: event_addresses.first().cloned().ok_or(io::ErrorKind::AddrNotAvailable)?,
        event_addresses,
        tees: vec!["native".into()],
    })
}

/// A left-over of a killed agent is replaced: the folder's lock shows that there is no other.
fn control_socket(folder: &Folder) -> io::Result<UnixListener> {
    match std::fs::remove_file(folder.path().join("agent.sock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other?,
    }
    let listener = UnixListener::bind(folder.short_path("agent.sock"))?;
    std::fs::set_permissions(folder.path().join("agent.sock"), Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
