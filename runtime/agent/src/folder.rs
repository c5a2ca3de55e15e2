//! The folder of a node: its layout, its lock, and files that are never half-written.

use authentic_process::SocketFolder;
use authentic_wire::id::Slot;
use authentic_wire::instance::InstanceFile;
use rustix::fs::{FlockOperation, Mode, flock};
use serde::Serialize;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The folder of a node, held by one agent.
pub struct Folder {
    path: PathBuf,
    sockets: SocketFolder,
    /// Locked as long as this agent lives; the kernel unlocks it with the process.
    pid_file: File,
    directory: File,
}

/// What of a folder is not there any more, or is somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The folder itself.
    Folder,
    /// The files by which this agent is found.
    Files,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another agent holds it.
    #[error("another agent (process {0}) runs in this folder")]
    Held(String),
    /// The system refuses.
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl Folder {
    /// Creates the folder where it is missing, and takes it.
    ///
    /// # Errors
    /// Another agent holds it, or it cannot be written.
    pub fn take(path: &Path) -> Result<Self, FolderError> {
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |error| FolderError::Io { path, error }
        };
        let instances = path.join("instances");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&instances).map_err(failed(&instances))?;
        let path = path.canonicalize().map_err(failed(path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(failed(&path))?;
        let sockets = SocketFolder::open(&path).map_err(failed(&path))?;
        let directory = File::open(&path).map_err(failed(&path))?;
        let pid_path = path.join("agent.pid");
        let mut pid_file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&pid_path).map_err(failed(&pid_path))?;
        if let Err(error) = flock(&pid_file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(FolderError::Io { path: pid_path, error: error.into() });
            }
            let mut holder = String::new();
            let _ = pid_file.read_to_string(&mut holder);
            return Err(FolderError::Held(holder.trim().to_owned()));
        }
        pid_file.set_len(0).and_then(|()| pid_file.rewind()).and_then(|()| writeln!(pid_file, "{}", std::process::id())).map_err(failed(&pid_path))?;
        Ok(Self { path, sockets, pid_file, directory })
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sockets in it.
    pub fn sockets(&self) -> &SocketFolder {
        &self.sockets
    }

    /// The folder of an instance.
    pub fn instance(&self, slot: impl Into<Slot>) -> PathBuf {
        self.path.join("instances").join(slot.into().to_string())
    }

    /// What is known of each instance that has a folder; folders without it are left-overs of an interrupted start.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn instances(&self) -> io::Result<Vec<(Slot, Option<InstanceFile>)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path.join("instances"))? {
            let entry = entry?;
            if let Some(slot) = entry.file_name().to_str().and_then(|name| name.parse::<Slot>().ok()) {
                let file = fs::read(entry.path().join("instance.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
                found.push((slot, file.filter(|file: &InstanceFile| file.instance == slot.instance)));
            }
        }
        Ok(found)
    }

    /// Writes `node.json`.
    ///
    /// # Errors
    /// The disk is full or read-only.
    pub fn describe<T: Serialize>(&self, description: &T) -> io::Result<()> {
        write_json(&self.path.join("node.json"), description)
    }

    /// What somebody has taken away or replaced, so that nobody finds this agent any more; `None` where all is in place.
    ///
    /// # Errors
    /// The system does not say.
    pub fn taken(&self) -> io::Result<Option<Taken>> {
        if !is_at(&self.directory, &self.path)? {
            return Ok(Some(Taken::Folder));
        }
        let found = is_at(&self.pid_file, &self.path.join("agent.pid"))? && self.path.join("agent.sock").try_exists()?;
        Ok((!found).then_some(Taken::Files))
    }

    /// Removes what only a running agent has, unless that is another one's by now.
    pub fn leave(&self) {
        if !matches!(self.taken(), Ok(None)) {
            return;
        }
        for name in ["agent.sock", "agent.pid"] {
            let _ = fs::remove_file(self.path.join(name));
        }
        let _ = flock(&self.pid_file, FlockOperation::Unlock);
    }
}

/// Whether an open file or folder is the one at a path.
fn is_at(open: &File, path: &Path) -> io::Result<bool> {
    let ours = open.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes JSON to `path`, which has either its old content or all of the new.
///
/// # Errors
/// The disk is full or read-only.
pub fn write_json<T: Serialize>(path: &Path, content: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(content)?;
    text.push(b'\n');
    replace(path, &text)
}

/// Writes `path`, which has either its old content or all of the new.
///
/// # Errors
/// The disk is full or read-only.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_data()?;
    fs::rename(unfinished, path)
}
