//! Runs an agent from start to end.

use crate::api::{About, Address, Agent, router};
use crate::board::Board;
use crate::clock::now;
use crate::error::ApiError;
use crate::events::{EventPort, bind};
use crate::folder::{Folder, FolderError, Taken};
use crate::platform;
use crate::sgx::{DEVICE, Sgx, SgxBackend};
use crate::streams::MAX_LISTENERS;
use crate::supervisor::Supervisor;
use crate::trustzone::TrustzoneBoard;
use authentic_process::raise_descriptor_limit;
use authentic_serve::http;
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

/// Version of the control interface.
const PROTOCOL: &str = "agent/1";

/// How often the agent looks whether it can still be found.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Where SGX modules run, if the node hosts them.
    pub sgx: Option<SgxBackend>,
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
    /// The machine has no usable SGX.
    #[error("this machine has no {DEVICE}: its processor has no SGX, or firmware or kernel do not enable it")]
    SgxDevice,
    /// The platform of emulated SGX does not start.
    #[error("{}", .0.message)]
    SgxPlatform(ApiError),
    /// Somebody has removed its socket or its process id, so that nobody can ask it any more.
    #[error("the agent's files were removed from {}", .0.display())]
    Taken(PathBuf),
    /// The system refuses something else.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl RunError {
    /// Stable code, next step, and exit status of the process.
    pub fn code(&self) -> (&str, &str, u8) {
        match self {
            Self::SgxDevice => (
                "AE-AGENT-SGX-DEVICE",
                "enable SGX in the machine's firmware and use Linux 5.11 or newer, choose a machine that has SGX, or declare the node with `backend: \"emulated\"`",
                7,
            ),
            Self::Taken(_) => ("AE-AGENT-TAKEN", "run `pulumi refresh`, then `pulumi up`: another agent adopts the module hosts", 6),
            Self::SgxPlatform(error) => (&error.code, &error.next, 7),
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
        tracing::error!(%error, "the agent does not run");
        // By now another agent may say there how it is reached.
        if !matches!(error, RunError::Taken(_)) {
            let _ = folder.describe(&json!({ "error": error.to_json() }));
        }
    }
    folder.leave();
    result
}

async fn serve(options: Options, folder: Arc<Folder>) -> Result<(), RunError> {
    let listeners = bind(&options.listen).map_err(|(address, error)| RunError::Listen { address, error })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sgx = start_sgx(options.sgx.as_ref(), &folder).await?;
    let about = about(&options, &folder, &listeners, sgx.as_ref())?;
    let board = Board::new(folder.path().join("board"), options.host_binary.with_file_name("authentic-board"));
    let trustzone = TrustzoneBoard::new(folder.path(), options.host_binary.with_file_name("authentic-trustzone"));
    let supervisor = Arc::new(Supervisor::start(folder.clone(), options.host_binary).await?);
    let events = EventPort::new(supervisor.clone());
    let control = control_socket(&folder)?;
    folder.describe(&about)?;
    tracing::info!(node = %about.node, version = %about.agent, "agent starts");
    let agent = Arc::new(Agent {
        about,
        supervisor: supervisor.clone(),
        board,
        trustzone,
        events: events.clone(),
        sgx: sgx.clone(),
        ending: watch::Sender::new(false),
        listeners: Arc::new(Semaphore::new(MAX_LISTENERS)),
    });
    for listener in listeners {
        tokio::spawn(events.clone().serve(listener));
    }
    tokio::select! {
        () = http::serve(control, router(agent.clone()), agent.ending.subscribe()) => {}
        _ = terminate.recv() => tracing::info!("ending on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("ending on SIGINT"),
        taken = taken(&folder) => match taken {
            // Nobody can adopt what it runs.
            Taken::Folder => tracing::warn!("ending: the folder of this node is gone"),
            // What it runs goes on, as when it is killed.
            Taken::Files => return Err(RunError::Taken(folder.path().to_owned())),
        }
    }
    supervisor.stop_all().await;
    if let Some(sgx) = sgx {
        sgx.stop().await;
    }
    agent.board.stop().await;
    agent.trustzone.end().await;
    tracing::info!("agent ends");
    Ok(())
}

async fn start_sgx(backend: Option<&SgxBackend>, folder: &Arc<Folder>) -> Result<Option<Arc<Sgx>>, RunError> {
    if !matches!(backend, Some(SgxBackend::Emulated(_))) {
        // An agent of another kind had the folder, or only ends what a killed one has left.
        platform::end_left_over(folder).await;
    }
    match backend {
        None => Ok(None),
        Some(SgxBackend::Hardware) => Sgx::hardware().map(|sgx| Some(Arc::new(sgx))).ok_or(RunError::SgxDevice),
        Some(SgxBackend::Emulated(binary)) => Ok(Some(Arc::new(Sgx::emulated(binary, folder).await.map_err(RunError::SgxPlatform)?))),
    }
}

fn about(options: &Options, folder: &Folder, listeners: &[TcpListener], sgx: Option<&Arc<Sgx>>) -> io::Result<About> {
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
        // Native modules are code for x86-64 processors.
        tees: cfg!(target_arch = "x86_64").then_some("native").into_iter().chain(["sancus", "trustzone"]).chain(sgx.map(|_| "sgx")).map(Into::into).collect(),
        platform: sgx.map(|sgx| sgx.description()),
    })
}

/// Waits until somebody has taken the agent's files away.
async fn taken(folder: &Folder) -> Taken {
    loop {
        tokio::time::sleep(LOOK).await;
        match folder.taken() {
            Ok(Some(taken)) => return taken,
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "cannot look at the folder of this node"),
        }
    }
}

/// A left-over of a killed agent is replaced: the folder's lock shows that there is no other.
fn control_socket(folder: &Folder) -> io::Result<UnixListener> {
    let listener = folder.sockets().listen("agent.sock")?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}
