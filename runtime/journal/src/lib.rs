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
            match std::fs::rename(&self.path, older) {
                // Moved aside already, when there was no space for a new one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            *self = Self::open(&self.path, self.limit)?;
        }
        if let Err(error) = self.file.write_all(bytes) {
            // On a full disk a line is there whole or not at all.
            let _ = self.file.set_len(self.written);
            return Err(error);
        }
        self.written += bytes.len() as u64;
        Ok(bytes.len())
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
    // Nobody reads standard error once a program has started: a complaint there about a line that cannot be written would
    // be a panic, whose own line waits for the file for ever.
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO).log_internal_errors(false).with_writer(Mutex::new(file)).finish();
    // A second call in one process keeps the first log; that is what tests in one process need.
    let _ = tracing::subscriber::set_global_default(subscriber);
    std::panic::set_hook(Box::new(|panic| tracing::error!(reason = %panic, "panic")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use authentic_testing::fuzz::Harness;
    use authentic_testing::memory::Counting;

    #[global_allocator]
    static MEMORY: Counting = Counting;

    /// Lines of any length, while the disk refuses now and then to have a file moved or made.
    #[test]
    fn lines_of_any_length_leave_two_files_of_whole_lines() {
        let folder = std::env::temp_dir().join(format!("authentic-journal-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("x.log");
        let mut log = BoundedFile::open(&path, 4000).expect("a log");
        Harness { name: "lines of a log", memory: 1 << 20, slow: 4 }.run(|random| {
            let line = [vec![b'x'; random.below(300)], vec![b'\n']].concat();
            let away = folder.join("away");
            // Nothing can be moved to where a folder is that is not empty.
            let blocked = random.below(50) == 0 && !folder.join("x.log.1").is_file() && std::fs::create_dir_all(folder.join("x.log.1/y")).is_ok();
            let vanished = random.below(200) == 0 && std::fs::rename(&path, &away).is_ok();
            let written = log.write_all(&line).is_ok();
            if blocked {
                std::fs::remove_dir_all(folder.join("x.log.1")).expect("removed");
            }
            if vanished {
                std::fs::remove_file(&away).expect("removed");
            }
            if random.below(100) == 0 {
                let _ = std::fs::remove_file(folder.join("x.log.1"));
            }
            for name in ["x.log", "x.log.1"] {
                let Ok(text) = std::fs::read(folder.join(name)) else { continue };
                assert!(text.len() <= 4000 + 301 && (text.is_empty() || text.ends_with(b"\n")), "{name}: {} bytes", text.len());
            }
            written
        });
        assert!(log.write_all(b"the last\n").is_ok());
        std::fs::remove_dir_all(folder).expect("removed");
    }

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
