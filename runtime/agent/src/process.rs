//! Module host processes: start, adoption after a restart of the agent, end.

use crate::child::{self, StartFailure};
use crate::error::ApiError;
use crate::host_link::HostLink;
use authentic_process::SocketFolder;
use authentic_wire::control::{self, Answer, Call};
use authentic_wire::id::Id;
use axum::http::StatusCode;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::process::Child;

const START: Duration = Duration::from_secs(20);
const ADOPT: Duration = Duration::from_secs(5);
const STOP: Duration = Duration::from_secs(3);

/// A running module host.
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// The control socket.
    pub link: HostLink,
    /// Its identity for signals, safe against reuse of the id.
    handle: OwnedFd,
    child: Option<Child>,
    oom_kills: Option<u64>,
}

impl Process {
    /// Starts the host of the instance in `folder`.
    ///
    /// # Errors
    /// The host's own error, or that it cannot be executed.
    pub async fn start(binary: &Path, folder: &Path, instance: Id) -> Result<Self, ApiError> {
        let failed = |error: std::io::Error| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "AE-AGENT-HOST-BINARY",
                format!("cannot start the module host {}: {error}", binary.display()),
                "pass the path of authentic-host with --host-binary",
            )
        };
        let oom_kills = oom_kills();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut child = child::start(binary, folder, Stdio::from(OwnedFd::from(theirs))).map_err(failed)?;
        let link = HostLink::new(UnixStream::from_std(ours).map_err(failed)?);
        let pid = child.id().unwrap_or_default();
        let handle = open_pid(pid).map_err(failed)?;
        match greet(&link, instance, START).await {
            Ok(_) => {
                drop(child.stderr.take());
                Ok(Self { pid, link, handle, child: Some(child), oom_kills })
            }
            Err(error) => {
                // A host that cannot start says why and ends; another one is killed.
                if tokio::time::timeout(STOP, child.wait()).await.is_err() {
                    let _ = child.start_kill();
                }
                let failure = child::start_failure(&mut child).await;
                let _ = child.wait().await;
                Err(match failure {
                    Some(StartFailure { code, message, next }) => {
                        let status = if code == "AE-HOST-IMAGE" || code == "AE-HOST-TEE" { StatusCode::BAD_REQUEST } else { StatusCode::SERVICE_UNAVAILABLE };
                        ApiError::new(status, &code, message, &next)
                    }
                    None => error,
                })
            }
        }
    }

    /// Connects to the host that an earlier agent started in `folder`.
    ///
    /// # Errors
    /// It is not running, or runs something else.
    pub async fn adopt(folder: &Path, instance: Id) -> Result<Self, ApiError> {
        let gone = |error: std::io::Error| ApiError::host_silent(format!("the module host does not run: {error}"));
        let sockets = SocketFolder::open(folder).map_err(gone)?;
        let stream = UnixStream::connect(sockets.address("host.sock")).await.map_err(gone)?;
        let pid = stream.peer_cred().map_err(gone)?.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        let handle = open_pid(pid).map_err(gone)?;
        let link = HostLink::new(stream);
        greet(&link, instance, ADOPT).await?;
        Ok(Self { pid, link, handle, child: None, oom_kills: oom_kills() })
    }

    /// Waits for the end of the process, and says how it ended.
    pub async fn ended(&mut self) -> String {
        let Some(child) = &mut self.child else {
            wait_readable(&self.handle).await;
            return format!("the module host (process {}) ended; how is unknown, because an earlier agent had started it", self.pid);
        };
        match child.wait().await {
            Err(error) => format!("the module host ended: {error}"),
            Ok(status) => describe(status, self.oom_kills.zip(oom_kills()).is_some_and(|(before, after)| after > before)),
        }
    }

    /// Ends the process: politely, then by force.
    pub async fn stop(&mut self) {
        let _ = self.link.call_within(Call::Stop, STOP).await;
        if tokio::time::timeout(STOP, self.ended()).await.is_err() {
            tracing::warn!(pid = self.pid, "the module host does not end; killing it");
            self.kill();
            self.ended().await;
        }
    }

    /// Kills the process.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }
}

/// A handle of a process that names no other one later.
///
/// # Errors
/// There is no such process.
pub fn open_pid(pid: u32) -> std::io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(std::io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::NONBLOCK)?)
}

async fn greet(link: &HostLink, instance: Id, timeout: Duration) -> Result<u32, ApiError> {
    match link.call_within(Call::Hello { version: control::VERSION }, timeout).await {
        Ok(Answer::Hello { pid, instance: found, .. }) if found == instance => Ok(pid),
        Ok(Answer::Error { code, message, next }) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, &code, message, &next)),
        Ok(_) => Err(ApiError::host_silent("the module host is that of another instance")),
        Err(error) => Err(ApiError::host_silent(error.to_string())),
    }
}

/// Waits for the end of a process.
pub async fn wait_readable(handle: &OwnedFd) {
    // A process handle becomes readable when the process has ended.
    let Ok(handle) = handle.try_clone() else { return };
    // SAFETY: an `OwnedFd` names the same open file until it is dropped, and it is dropped by the registration.
    let registered = unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) };
    if let Ok(handle) = registered {
        let _ = handle.readable().await;
    }
}

/// How often the kernel's out-of-memory killer has struck on this machine.
fn oom_kills() -> Option<u64> {
    let statistics = std::fs::read_to_string("/proc/vmstat").ok()?;
    statistics.lines().find_map(|line| line.strip_prefix("oom_kill "))?.parse().ok()
}

fn describe(status: ExitStatus, out_of_memory: bool) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) if out_of_memory => "the module host was killed by signal 9 (SIGKILL) while the kernel was out of memory".into(),
        (Some(9), _) => "the module host was killed by signal 9 (SIGKILL)".into(),
        (Some(signal), _) => format!("the module host was killed by signal {signal}"),
        (None, Some(0)) => "the module host ended by itself".into(),
        (None, code) => format!("the module host ended with status {}", code.unwrap_or_default()),
    }
}
