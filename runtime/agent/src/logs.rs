//! Bounded logs: their last lines, and what is added to them.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes taken at once.
const PART: u64 = 64 * 1024;
/// Bytes of a log file that are looked at: its limit, and the line that went beyond it.
const WHOLE: u64 = authentic_journal::MAX_BYTES + (1 << 20);

/// A log that is read as it grows.
pub struct Follower {
    path: PathBuf,
    /// None until there is a log.
    file: Option<File>,
}

impl Follower {
    /// The last `lines` lines of the log at `path` and the older file beside it, and the log to be followed from there on.
    pub fn begin(path: &Path, lines: usize) -> (String, Self) {
        let mut older = path.as_os_str().to_owned();
        older.push(".1");
        // A log that does not exist yet is an empty one.
        let mut bytes = Vec::new();
        if let Ok(file) = File::open(older) {
            let _ = file.take(WHOLE).read_to_end(&mut bytes);
        }
        let mut file = File::open(path).ok();
        if let Some(file) = &mut file {
            let _ = file.take(WHOLE).read_to_end(&mut bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        let skipped = text.lines().count().saturating_sub(lines);
        let last = text.lines().skip(skipped).flat_map(|line| [line, "\n"]).collect();
        (last, Self { path: path.to_owned(), file })
    }

    /// What was added; empty where nothing was. A log that was moved aside is read to its end first.
    pub fn more(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            let _ = file.take(PART).read_to_end(&mut bytes);
        }
        if bytes.is_empty() && self.was_moved() {
            self.file = File::open(&self.path).ok();
            if let Some(file) = &mut self.file {
                let _ = file.take(PART).read_to_end(&mut bytes);
            }
        }
        bytes
    }

    fn was_moved(&self) -> bool {
        let Ok(there) = fs::metadata(&self.path) else { return false };
        self.file.as_ref().and_then(|file| file.metadata().ok()).is_none_or(|open| open.ino() != there.ino())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn continues_into_the_older_file_and_follows_the_newer_one() {
        let folder = std::env::temp_dir().join(format!("authentic-tail-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("host.log");
        let tail = |lines| Follower::begin(&path, lines).0;
        assert_eq!(tail(10), "");
        let (_, mut early) = Follower::begin(&path, 10);
        assert_eq!(early.more(), b"");
        fs::write(folder.join("host.log.1"), "1\n2\n").expect("written");
        fs::write(&path, "3\n4\n").expect("written");
        assert_eq!(tail(3), "2\n3\n4\n");
        assert_eq!(tail(0), "");
        assert_eq!(early.more(), b"3\n4\n");

        let (_, mut follower) = Follower::begin(&path, 10);
        assert_eq!(follower.more(), b"");
        let mut log = fs::OpenOptions::new().append(true).open(&path).expect("a log");
        log.write_all(b"5\n").expect("written");
        fs::rename(&path, folder.join("host.log.1")).expect("moved");
        fs::write(&path, "6\n").expect("written");
        assert_eq!(follower.more(), b"5\n");
        assert_eq!(follower.more(), b"6\n");
        assert_eq!(follower.more(), b"");
        fs::remove_dir_all(folder).expect("removed");
    }
}
