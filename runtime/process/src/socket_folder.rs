//! Unix sockets in a folder whose path may be long: socket addresses hold 107 bytes.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A folder that is held open, so that what is in it has a short path.
pub struct SocketFolder {
    path: PathBuf,
    directory: File,
}

impl SocketFolder {
    /// Opens it.
    ///
    /// # Errors
    /// It is not there, or not accessible.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), directory: File::open(path)? })
    }

    /// A short path to a file in it, good as long as this lives.
    pub fn address(&self, name: impl AsRef<Path>) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd())).join(name)
    }

    /// Listens on a socket in it (mode 0600); one that a killed process has left is replaced.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen(&self, name: &str) -> io::Result<UnixListener> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        let listener = UnixListener::bind(self.address(name))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Connects to a socket in it.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(&self, name: &str) -> io::Result<UnixStream> {
        UnixStream::connect(self.address(name))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_folder_whose_path_is_longer_than_a_socket_address_serves_its_owner_alone() {
        let folder = std::env::temp_dir().join(format!("authentic-{}-{}", "x".repeat(120), std::process::id()));
        fs::create_dir(&folder).unwrap();
        let sockets = SocketFolder::open(&folder).unwrap();
        drop(sockets.listen("socket").unwrap());
        let listener = sockets.listen("socket").expect("what the first has left is replaced");
        assert_eq!(fs::metadata(folder.join("socket")).unwrap().permissions().mode() & 0o777, 0o600);
        sockets.connect("socket").unwrap().write_all(b"!").unwrap();
        let mut said = [0];
        listener.accept().unwrap().0.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"!");
        assert!(sockets.connect("other").is_err());
        fs::remove_dir_all(&folder).unwrap();
        assert!(SocketFolder::open(&folder).is_err());
    }
}
