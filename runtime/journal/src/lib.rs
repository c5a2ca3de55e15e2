//! The log of a program: structured lines in a file of bounded size, with one older file beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Bytes after which a log file is moved aside.
pub const MAX_BYTES: u64 = 1 << 20;

/// A log file that is moved to `<name>.1` once it has [`MAX_BYTES`].
pub struct BoundedFile {
    path: PathBuf,
    file: File,
    written: u64,
    limit: u64,
}

impl BoundedFile {
    /// Opens or creates `path` with mode 0600 and appends to it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, written, limit })
    }
}

impl Write for BoundedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written >= self.limit {
            let mut older = self.path.clone().into_os_string();
            older.push(".1");
            std::fs::rename(&self.path, older)?;
            *self = Self::open(&self.path, self.limit)?;
        }
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Sends what the program logs, panics included, to `path`.
///
/// # Errors
/// The file cannot be opened.
pub fn start(path: &Path) -> io::Result<()> {
    let file = BoundedFile::open(path, MAX_BYTES)?;
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO).with_writer(Mutex::new(file)).finish();
    // A second call in one process keeps the first log; that is what tests in one process need.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| tracing::error!(reason = %panic, "panic")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_two_files_of_bounded_size() {
        let folder = std::env::temp_dir().join(format!("authentic-journal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("x.log");
        let mut log = BoundedFile::open(&path, 1000).expect("a log");
        for _ in 0..100 {
            log.write_all(&[b'x'; 100]).expect("written");
        }
        let mut names: Vec<_> = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["x.log", "x.log.1"]);
        for name in names {
            assert!(std::fs::metadata(folder.join(name)).expect("a file").len() <= 1000);
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
