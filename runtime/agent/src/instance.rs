//! An instance as the agent sees it: what it was told, and whether its module host runs.

use crate::error::ApiError;
use crate::host_link::HostLink;
use crate::process::Process;
use authentic_wire::id::Slot;
use authentic_wire::control::{Answer, Call, ConnectionStatus, Status, TriggerStatus};
use authentic_wire::instance::InstanceFile;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

const STATUS: Duration = Duration::from_secs(5);

/// Whether the module host runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It is gone.
    Exited(String),
}

/// An instance.
pub struct Instance {
    /// What the agent was told.
    pub file: InstanceFile,
    host: Option<(HostLink, u32)>,
    life: watch::Receiver<Life>,
    stop: Arc<Notify>,
    successor: AtomicBool,
    offered: AtomicBool,
}

/// The instance as the control interface shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    instance: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    successor: bool,
    name: String,
    deployment: String,
    tee: String,
    image_digest: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    version: String,
    started_at: String,
    /// By number.
    pub connections: Vec<ConnectionStatus>,
    /// By name.
    pub triggers: Vec<TriggerStatus>,
    stray: std::collections::BTreeMap<String, u64>,
    /// Entries into the enclave.
    pub entries: u64,
    /// Event sockets from peers.
    pub sockets: u32,
}

impl InstanceView {
    /// `running`, `failed` or `exited`.
    pub fn state(&self) -> &'static str {
        self.state
    }
}

impl Instance {
    /// An instance whose module host runs.
    pub fn running(file: InstanceFile, successor: bool, mut process: Process) -> Self {
        let (sender, life) = watch::channel(Life::Running);
        let stop = Arc::new(Notify::new());
        let (link, pid, stopped) = (process.link.clone(), process.pid, stop.clone());
        let instance = file.instance;
        tokio::spawn(async move {
            let reason = tokio::select! {
                reason = process.ended() => reason,
                () = stopped.notified() => {
                    process.stop().await;
                    "stopped".into()
                }
            };
            tracing::info!(%instance, %reason, "module host ended");
            let _ = sender.send(Life::Exited(reason));
        });
        Self { file, host: Some((link, pid)), life, stop, successor: AtomicBool::new(successor), offered: AtomicBool::new(false) }
    }

    /// An instance whose module host is gone.
    pub fn exited(file: InstanceFile, successor: bool, reason: String) -> Self {
        Self {
            file,
            host: None,
            life: watch::channel(Life::Exited(reason)).1,
            stop: Arc::new(Notify::new()),
            successor: AtomicBool::new(successor),
            offered: AtomicBool::new(false),
        }
    }

    /// Its place on the node.
    pub fn slot(&self) -> Slot {
        Slot { instance: self.file.instance, successor: self.successor.load(Ordering::Relaxed) }
    }

    /// It has taken the place of the instance before.
    pub fn succeed(&self) {
        self.successor.store(false, Ordering::Relaxed);
    }

    /// It has taken a state that another instance offered.
    pub fn offer(&self) {
        self.offered.store(true, Ordering::Relaxed);
    }

    /// What it is now: which process, and whether it has been offered a state. Who decides by an observation names this, so
    /// that nothing is done to what has become another one meanwhile.
    pub fn version(&self) -> String {
        let process = self.host.as_ref().map_or_else(|| "none".to_owned(), |(_, pid)| pid.to_string());
        if self.offered.load(Ordering::Relaxed) { process + "-offered" } else { process }
    }

    /// Whether its module host runs.
    pub fn life(&self) -> Life {
        self.life.borrow().clone()
    }

    /// Ends the module host and waits for it.
    pub async fn stop(&self) {
        self.stop.notify_one();
        let mut life = self.life.clone();
        // An error means that the watching task is gone, and the process with it.
        let _ = life.wait_for(|life| matches!(life, Life::Exited(_))).await;
    }

    /// The running module host.
    ///
    /// # Errors
    /// It is gone.
    pub fn link(&self) -> Result<&HostLink, ApiError> {
        match (self.life(), &self.host) {
            (Life::Running, Some((link, _))) => Ok(link),
            (Life::Exited(reason), _) => Err(ApiError::host_silent(reason)),
            (Life::Running, None) => Err(ApiError::host_silent("the module host is not running")),
        }
    }

    /// Calls the module host.
    ///
    /// # Errors
    /// It is gone, does not answer, or refuses.
    pub async fn call(&self, call: Call) -> Result<Answer, ApiError> {
        let answer = self.link()?.call(call).await.map_err(|error| ApiError::host_silent(error.to_string()))?;
        match answer {
            Answer::Error { code, message, next } => {
                let status = if code == "AE-HOST-FAILED" { axum::http::StatusCode::CONFLICT } else { axum::http::StatusCode::BAD_REQUEST };
                Err(ApiError::new(status, &code, message, &next))
            }
            answer => Ok(answer),
        }
    }

    /// Why the module failed, if its host runs and says that it did.
    pub async fn failure(&self) -> Option<String> {
        match self.link().ok()?.call_within(Call::Status, STATUS).await {
            Ok(Answer::Status(status)) => status.failed,
            _ => None,
        }
    }

    /// The instance as the control interface shows it.
    pub async fn view(&self) -> InstanceView {
        let mut state = "running";
        let mut reason = None;
        let mut status = Status::default();
        if let Life::Running = self.life()
            && let Ok(link) = self.link()
        {
            match link.call_within(Call::Status, STATUS).await {
                Ok(Answer::Status(answer)) => status = *answer,
                Ok(_) => reason = Some("the module host answers something else".into()),
                Err(error) => reason = Some(error.to_string()),
            }
        }
        if let Life::Exited(end) = self.life() {
            state = "exited";
            reason = Some(end);
        } else if let Some(failure) = status.failed.take() {
            state = "failed";
            reason = Some(failure);
        }
        let file = &self.file;
        InstanceView {
            instance: file.instance.to_string(),
            successor: self.slot().successor,
            name: file.name.clone(),
            deployment: file.deployment.to_string(),
            tee: file.tee.clone(),
            image_digest: file.image_digest.clone(),
            state,
            reason,
            pid: self.host.as_ref().map(|(_, pid)| *pid),
            version: self.version(),
            started_at: file.started_at.clone(),
            connections: status.connections,
            triggers: status.triggers,
            stray: status.stray,
            entries: status.entries,
            sockets: status.sockets,
        }
    }
}
