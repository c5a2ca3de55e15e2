//! What an emulated processor has instead of fuses: two secrets in a file that only the node's owner can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

const LENGTH: usize = 32;

/// An emulated processor. Its file has 32 bytes: fuse key (16) ‖ CPUSVN (16), mode 0600.
pub struct Processor {
    pub(crate) fuse_key: [u8; 16],
    /// Security version, in reports and keys.
    pub cpu_svn: [u8; 16],
}

impl Processor {
    /// From a fuse key, which tests choose.
    pub fn new(fuse_key: [u8; 16], cpu_svn: [u8; 16]) -> Self {
        Self { fuse_key, cpu_svn }
    }

    /// Makes a processor with a random fuse key and writes its file, which must not exist.
    ///
    /// # Errors
    /// The file exists or cannot be written, or there is no randomness.
    pub fn create(path: &Path, cpu_svn: [u8; 16]) -> io::Result<Self> {
        let mut secret = Zeroizing::new([0; 16]);
        let mut filled = 0;
        while filled < secret.len() {
            filled += rustix::rand::getrandom(&mut secret[filled..], rustix::rand::GetRandomFlags::empty())?;
        }
        // Whole or not at all: on a full disk nothing is left that looks like a damaged processor.
        let unfinished = path.with_extension("new");
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let mut content = Zeroizing::new([0; LENGTH]);
        content[..16].copy_from_slice(&*secret);
        content[16..].copy_from_slice(&cpu_svn);
        file.write_all(&*content)?;
        file.sync_all()?;
        fs::hard_link(&unfinished, path)?;
        fs::remove_file(&unfinished)?;
        Ok(Self { fuse_key: *secret, cpu_svn })
    }

    /// Reads a processor's file.
    ///
    /// # Errors
    /// It is missing, not a regular file of 32 bytes, belongs to someone else, or others may read or write it.
    pub fn read(path: &Path) -> io::Result<Self> {
        let refuse = |what: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, what.to_string()));
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
        let mut file = OpenOptions::new().read(true).custom_flags(nofollow).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() != LENGTH as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an emulated processor's file has 32 bytes"));
        }
        if metadata.mode() & 0o077 != 0 {
            return refuse("others than its owner may use it; run `chmod 600` on it");
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return refuse("it belongs to another user");
        }
        let mut content = Zeroizing::new([0; LENGTH]);
        file.read_exact(&mut *content)?;
        let (fuse_key, cpu_svn) = content.split_at(16);
        Ok(Self { fuse_key: std::array::from_fn(|index| fuse_key[index]), cpu_svn: std::array::from_fn(|index| cpu_svn[index]) })
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        self.fuse_key.zeroize();
    }
}
