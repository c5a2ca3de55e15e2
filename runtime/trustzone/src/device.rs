//! What makes an emulated device one device: the unique key in its folder, and fresh entropy at each boot.

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Lifecycle "secured" (RFC 9783 section 4.3.1).
pub const SECURED: u32 = 0x3000;
const KEY: usize = 32;

/// Random bytes of the kernel.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(bytes)
}

/// The unique key in `folder`, drawn where there is none yet.
///
/// # Errors
/// The file cannot be read or written, or is not a key.
pub fn unique_key(folder: &Path) -> io::Result<[u8; KEY]> {
    let path = folder.join("unique-key");
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            let key = random()?;
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut key = Vec::new();
            File::open(&path)?.take(KEY as u64 + 1).read_to_end(&mut key)?;
            key.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "unique-key does not have 32 bytes"))
        }
        Err(error) => Err(error),
    }
}

/// What the firmware finds at boot, in memory that no file system shows: unique key, fresh seed, lifecycle.
///
/// # Errors
/// No key, no entropy or no memory.
pub fn secrets(folder: &Path, lifecycle: u32) -> io::Result<File> {
    let mut file = File::from(memfd_create("board", MemfdFlags::empty())?);
    file.write_all(&unique_key(folder)?)?;
    file.write_all(&random::<KEY>()?)?;
    file.write_all(&lifecycle.to_le_bytes())?;
    Ok(file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Seek;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_drawn_once_and_the_seed_at_each_boot() {
        let folder = std::env::temp_dir().join(format!("authentic-device-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let read = || {
            let mut file = secrets(&folder, SECURED).unwrap();
            let mut bytes = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        };
        let (first, second) = (read(), read());
        assert_eq!(first.len(), 68);
        assert_eq!(first[..32], second[..32]);
        assert_ne!(first[32..64], second[32..64]);
        assert_eq!(first[64..], [0, 0x30, 0, 0]);
        assert_eq!(std::fs::metadata(folder.join("unique-key")).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(folder.join("unique-key"), [0; 33]).unwrap();
        assert_eq!(unique_key(&folder).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
