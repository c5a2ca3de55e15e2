//! The platform's folder in that of its node: one process has it, and listens on two sockets in it.

use authentic_process::SocketFolder;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Sockets: the quoting service, and the provisioning service.
pub const SOCKETS: [&str; 2] = ["aesm.socket", "pcs.socket"];

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("another platform process runs in {}", .0.display())]
    Held(PathBuf),
    /// The system refuses.
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// The folder, held by this process.
pub struct Folder {
    path: PathBuf,
    sockets: SocketFolder,
    /// Locked as long as this process lives.
    _lock: File,
}

impl Folder {
    /// Creates the folder where it is missing, and takes it.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        let failed = |error: io::Error| FolderError::Io { path: path.to_owned(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        let sockets = SocketFolder::open(path).map_err(failed)?;
        let mut lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("platform.pid")).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(FolderError::Held(path.to_owned())),
            Err(error) => return Err(failed(error.into())),
            Ok(()) => {}
        }
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { path: path.to_owned(), sockets, _lock: lock })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Listens on a socket in it; one that a killed process has left is replaced.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen(&self, name: &str) -> Result<UnixListener, FolderError> {
        let listen = || {
            let listener = self.sockets.listen(name)?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        };
        listen().map_err(|error| FolderError::Io { path: self.file(name), error })
    }

    /// Removes what only a running process has.
    pub fn leave(&self) {
        for name in SOCKETS.into_iter().chain(["platform.pid"]) {
            let _ = fs::remove_file(self.file(name));
        }
    }
}
