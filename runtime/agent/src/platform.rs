//! The platform process of emulated SGX: started, adopted after a restart of the agent, started anew when it ends, ended.

use crate::child::{self, StartFailure};
use crate::error::ApiError;
use crate::folder::Folder;
use crate::pcs;
use crate::process::{open_pid, wait_readable};
use axum::http::StatusCode;
use rustix::process::{Signal, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::{Notify, watch};

const SOCKET: &str = "sgx/pcs.socket";
const START: Duration = Duration::from_secs(20);
const ADOPT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
const STOP: Duration = Duration::from_secs(3);
/// Pauses before a platform that ended is started anew; the first again after one that ran for a while.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));
const STABLE: Duration = Duration::from_secs(60);

/// What identifies a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    root_certificate: String,
    ppid: String,
    fmspc: String,
    pceid: String,
}

/// What a platform process says about itself.
#[derive(Deserialize)]
struct Introduction {
    pid: u32,
    #[serde(flatten)]
    identity: Identity,
}

/// A platform that is kept running.
pub struct Platform {
    identity: watch::Receiver<Identity>,
    folder: Arc<Folder>,
    stop: Arc<Notify>,
    ended: watch::Receiver<bool>,
}

impl Platform {
    /// Adopts the platform that runs in the node's folder, or starts one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(binary: &Path, folder: &Arc<Folder>) -> Result<Self, ApiError> {
        let (process, identity) = match Process::adopt(folder).await {
            Some(adopted) => adopted,
            None => Process::start(binary, folder).await?,
        };
        let stop = Arc::new(Notify::new());
        let (sender, ended) = watch::channel(false);
        let (present, identity) = watch::channel(identity);
        let keeper = Keeper { binary: binary.to_owned(), folder: folder.clone(), identity: present, stop: stop.clone() };
        tokio::spawn(async move {
            keeper.keep(process).await;
            let _ = sender.send(true);
        });
        Ok(Self { identity, folder: folder.clone(), stop, ended })
    }

    /// Who it is: the same as long as nobody takes its keys away.
    pub fn identity(&self) -> Identity {
        self.identity.borrow().clone()
    }

    /// Connects to its provisioning service.
    ///
    /// # Errors
    /// It is not running at the moment.
    pub async fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.folder.sockets().address(SOCKET)).await
    }

    /// Ends the process for good and waits for its end.
    pub async fn stop(&self) {
        self.stop.notify_one();
        // An error means that the keeping task is gone, and the process with it.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

/// Ends a platform that runs although nobody wants one in this folder.
pub async fn end_left_over(folder: &Folder) {
    if let Some((mut process, _)) = Process::adopt(folder).await {
        tracing::info!(pid = process.pid, "ending the platform that an earlier agent has left");
        process.stop().await;
    }
}

struct Keeper {
    binary: PathBuf,
    folder: Arc<Folder>,
    identity: watch::Sender<Identity>,
    stop: Arc<Notify>,
}

impl Keeper {
    async fn keep(&self, mut process: Process) {
        let mut pause = PAUSES.0;
        loop {
            let since = Instant::now();
            tokio::select! {
                how = process.ended() => tracing::error!(%how, "the emulated SGX platform ended; starting it anew"),
                () = self.stop.notified() => {
                    process.stop().await;
                    return;
                }
            }
            if since.elapsed() > STABLE {
                pause = PAUSES.0;
            }
            process = loop {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.stop.notified() => return,
                }
                pause = (pause * 2).min(PAUSES.1);
                match Process::start(&self.binary, &self.folder).await {
                    Ok((process, identity)) => {
                        if self.identity.send_if_modified(|present| std::mem::replace(present, identity.clone()) != identity) {
                            // Verifiers notice, who have pinned the former one.
                            tracing::error!("the emulated SGX platform has lost its keys and is another one now");
                        }
                        break process;
                    }
                    Err(error) => tracing::error!(%error, "the emulated SGX platform does not start"),
                }
            };
        }
    }
}

struct Process {
    pid: u32,
    /// Its identity for signals, safe against reuse of the id.
    handle: OwnedFd,
    child: Option<Child>,
}

impl Process {
    async fn start(binary: &Path, folder: &Folder) -> Result<(Self, Identity), ApiError> {
        let failed = |error: io::Error| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "AE-AGENT-SGX-BINARY",
                format!("cannot start the emulated SGX platform {}: {error}", binary.display()),
                "run `npm run setup`, or pass the path of authentic-sgx-platform with --sgx-platform-binary",
            )
        };
        let mut child = child::start(binary, &folder.path().join("sgx"), Stdio::null()).map_err(failed)?;
        let pid = child.id().unwrap_or_default();
        let handle = open_pid(pid).map_err(failed)?;
        let start = Instant::now();
        loop {
            if let Ok(Some(_)) = child.try_wait() {
                return Err(start_failure(&mut child).await);
            }
            if let Some(Introduction { identity, .. }) = introduction(folder).await.filter(|found| found.pid == pid) {
                drop(child.stderr.take());
                tracing::info!(pid, "the emulated SGX platform runs");
                return Ok((Self { pid, handle, child: Some(child) }, identity));
            }
            if start.elapsed() > START {
                let _ = child.kill().await;
                return Err(start_failure(&mut child).await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The process that listens in the folder. One that does not answer is killed.
    async fn adopt(folder: &Folder) -> Option<(Self, Identity)> {
        let stream = UnixStream::connect(folder.sockets().address(SOCKET)).await.ok()?;
        let pid = stream.peer_cred().ok()?.pid().and_then(|pid| u32::try_from(pid).ok())?;
        let mut process = Self { pid, handle: open_pid(pid).ok()?, child: None };
        match tokio::time::timeout(ADOPT, introduce(stream)).await.ok().flatten() {
            Some(Introduction { identity, .. }) => {
                tracing::info!(pid, "adopted a running emulated SGX platform");
                Some((process, identity))
            }
            None => {
                tracing::warn!(pid, "the emulated SGX platform of an earlier agent does not answer; killing it");
                process.signal(Signal::KILL);
                process.ended().await;
                None
            }
        }
    }

    async fn ended(&mut self) -> String {
        match &mut self.child {
            None => {
                wait_readable(&self.handle).await;
                "how is unknown, because an earlier agent had started it".into()
            }
            Some(child) => child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string()),
        }
    }

    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(STOP, self.ended()).await.is_err() {
            tracing::warn!(pid = self.pid, "the emulated SGX platform does not end; killing it");
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }
}

async fn introduction(folder: &Folder) -> Option<Introduction> {
    introduce(UnixStream::connect(folder.sockets().address(SOCKET)).await.ok()?).await
}

async fn introduce(stream: UnixStream) -> Option<Introduction> {
    let answer = pcs::get(stream, "/platform").await.ok()?;
    serde_json::from_slice(&answer.body).ok()
}

async fn start_failure(child: &mut Child) -> ApiError {
    match child::start_failure(child).await {
        Some(failure) => StartFailure { message: format!("the emulated SGX platform does not start: {}", failure.message), ..failure }.into_error(),
        None => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "AE-AGENT-SGX-START",
            "the emulated SGX platform does not start",
            "look at sgx/platform.log in the node's folder",
        ),
    }
}
