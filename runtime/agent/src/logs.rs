//! The last lines of a bounded log.

use std::fs;
use std::path::Path;

/// The last `lines` lines of the log at `path` and the older file beside it.
pub fn tail(path: &Path, lines: usize) -> String {
    let mut older = path.as_os_str().to_owned();
    older.push(".1");
    let mut text = String::new();
    for file in [Path::new(&older), path] {
        // A log that does not exist yet is an empty one.
        text.push_str(&String::from_utf8_lossy(&fs::read(file).unwrap_or_default()));
    }
    let skipped = text.lines().count().saturating_sub(lines);
    text.lines().skip(skipped).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continues_into_the_older_file() {
        let folder = std::env::temp_dir().join(format!("authentic-tail-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("host.log");
        assert_eq!(tail(&path, 10), "");
        fs::write(folder.join("host.log.1"), "1\n2\n").expect("written");
        fs::write(&path, "3\n4\n").expect("written");
        assert_eq!(tail(&path, 3), "2\n3\n4\n");
        assert_eq!(tail(&path, 0), "");
        fs::remove_dir_all(folder).expect("removed");
    }
}
