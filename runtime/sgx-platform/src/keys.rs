//! The platform's keys: drawn at the first start, kept in one file that only the owner can read, held in secret memory.
//!
//! File: magic (16) ‖ scalars of root, PCK CA, PCK, TCB signing and attestation key (32 each) ‖ PPID (16) ‖ FMSPC (6) ‖
//! certificates of the first four keys (16-bit length, DER) ‖ SHA-256 of all before. The certificates are kept because
//! verifiers pin the root by its hash.

use crate::certificates::{Role, Subject, certificate};
use crate::identity::TCB_DATE;
use crate::pck_extension;
use crate::secret::SecretPage;
use der::DateTime;
use p256::ecdsa::SigningKey;
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use std::time::SystemTime;

const MAGIC: &[u8; 16] = b"authentic-sgx-1\0";
const SCALAR: usize = 32;
const SCALARS: usize = 5 * SCALAR;
const IDENTITY: usize = 16 + 6;
const HASH: usize = 32;
const MAX_FILE: u64 = 16 << 10;

/// Whose signature.
#[derive(Clone, Copy)]
pub enum Key {
    Root,
    PckCa,
    Pck,
    TcbSigning,
    /// Of quotes; certified by the PCK in each of them.
    Attestation,
}

/// What identifies the platform, and its certificates.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    pub ppid: [u8; 16],
    pub fmspc: [u8; 6],
    pub root: Vec<u8>,
    pub pck_ca: Vec<u8>,
    pub pck: Vec<u8>,
    pub tcb_signing: Vec<u8>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not what was written.
    #[error("{0} is not a file of platform keys, or is damaged")]
    Damaged(String),
    /// Somebody else may read it.
    #[error("{0} may be used by others than its owner")]
    Exposed(String),
    /// The system refuses.
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    /// A certificate cannot be encoded.
    #[error("cannot issue certificates: {0}")]
    Encoding(#[from] der::Error),
}

/// The platform with its keys.
pub struct Keys {
    secrets: SecretPage,
    pub platform: Platform,
}

impl Keys {
    /// Reads the platform's file, or makes a new platform where there is none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(path: &Path, now: SystemTime) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io { path: path.display().to_string(), error };
        let secrets = SecretPage::new().map_err(failed)?;
        match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path) {
            Ok(file) => Self::read(file, secrets, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(secrets, path, now),
            Err(error) => Err(failed(error)),
        }
    }

    fn read(mut file: File, mut secrets: SecretPage, path: &Path) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        let failed = |error| KeyError::Io { path: name(), error };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(KeyError::Exposed(name()));
        }
        let least = MAGIC.len() + SCALARS + IDENTITY + HASH;
        if !metadata.is_file() || metadata.len() < least as u64 || metadata.len() > MAX_FILE {
            return Err(KeyError::Damaged(name()));
        }
        let mut magic = [0; MAGIC.len()];
        let mut rest = Vec::new();
        // Scalars go from the file to secret memory, and nowhere else.
        file.read_exact(&mut magic)
            .and_then(|()| file.read_exact(&mut secrets.bytes_mut()[..SCALARS]))
            .and_then(|()| file.take(MAX_FILE).read_to_end(&mut rest))
            .map_err(failed)?;
        let platform = rest.split_last_chunk::<HASH>().filter(|(public, hash)| magic == *MAGIC && digest(&secrets, public) == **hash);
        let platform = platform.and_then(|(public, _)| parse(public)).ok_or_else(|| KeyError::Damaged(name()))?;
        if secrets.bytes()[..SCALARS].chunks_exact(SCALAR).any(|scalar| SigningKey::from_slice(scalar).is_err()) {
            return Err(KeyError::Damaged(name()));
        }
        Ok(Self { secrets, platform })
    }

    fn create(mut secrets: SecretPage, path: &Path, now: SystemTime) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io { path: path.display().to_string(), error };
        for scalar in secrets.bytes_mut()[..SCALARS].chunks_exact_mut(SCALAR) {
            // One number in 2^32 is none.
            loop {
                random(scalar).map_err(failed)?;
                if SigningKey::from_slice(scalar).is_ok() {
                    break;
                }
            }
        }
        let (mut ppid, mut fmspc) = ([0; 16], [0; 6]);
        random(&mut ppid).and_then(|()| random(&mut fmspc)).map_err(failed)?;
        let platform = issue(&secrets, ppid, fmspc, now)?;
        write(path, &secrets, &platform).map_err(failed)?;
        Ok(Self { secrets, platform })
    }

    /// A key, for one signature: it lies on the stack until it is dropped and erased.
    pub fn signing(&self, key: Key) -> SigningKey {
        signing(&self.secrets, key)
    }

    /// Which kind of memory holds the scalars.
    pub fn memory(&self) -> &'static str {
        self.secrets.kind
    }
}

fn signing(secrets: &SecretPage, key: Key) -> SigningKey {
    let at = key as usize * SCALAR;
    SigningKey::from_slice(&secrets.bytes()[at..at + SCALAR]).unwrap_or_else(|_| unreachable!("scalars are checked when they are drawn or read"))
}

fn random(mut space: &mut [u8]) -> io::Result<()> {
    while !space.is_empty() {
        let count = getrandom(&mut *space, GetRandomFlags::empty())?;
        space = &mut space[count..];
    }
    Ok(())
}

/// Common names are Intel's, as verifiers demand.
fn issue(secrets: &SecretPage, ppid: [u8; 16], fmspc: [u8; 6], now: SystemTime) -> der::Result<Platform> {
    let keys = [Key::Root, Key::PckCa, Key::Pck, Key::TcbSigning].map(|key| signing(secrets, key));
    let subject = |index: usize, common_name| Subject { common_name, key: &keys[index] };
    let root = subject(0, "Intel SGX Root CA");
    let pck_ca = subject(1, PCK_CA);
    // A clock that is ahead when the platform is made must not keep its certificates from being valid once it is right.
    let from = now.min(DateTime::from_str(TCB_DATE)?.to_system_time()) - crate::collateral::CLOCK_MARGIN;
    let extension = pck_extension::extension(&ppid, &fmspc)?;
    Ok(Platform {
        ppid,
        fmspc,
        root: certificate(&root, &root, Role::Authority(1), None, from)?,
        pck_ca: certificate(&pck_ca, &root, Role::Authority(0), None, from)?,
        pck: certificate(&subject(2, "Intel SGX PCK Certificate"), &pck_ca, Role::Signer, Some(extension), from)?,
        tcb_signing: certificate(&subject(3, "Intel SGX TCB Signing"), &root, Role::Signer, None, from)?,
    })
}

/// Issues PCK certificates of platforms with one processor.
pub const PCK_CA: &str = "Intel SGX PCK Processor CA";

fn digest(secrets: &SecretPage, public: &[u8]) -> [u8; HASH] {
    Sha256::new().chain_update(MAGIC).chain_update(&secrets.bytes()[..SCALARS]).chain_update(public).finalize().into()
}

fn write(path: &Path, secrets: &SecretPage, platform: &Platform) -> io::Result<()> {
    let mut public = [&platform.ppid[..], &platform.fmspc].concat();
    for certificate in [&platform.root, &platform.pck_ca, &platform.pck, &platform.tcb_signing] {
        public.extend_from_slice(&u16::try_from(certificate.len()).map_err(io::Error::other)?.to_le_bytes());
        public.extend_from_slice(certificate);
    }
    let unfinished = path.with_extension("new");
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    for part in [&MAGIC[..], &secrets.bytes()[..SCALARS], &public, &digest(secrets, &public)] {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Reads what follows the scalars, without the hash.
fn parse(mut public: &[u8]) -> Option<Platform> {
    let (ppid, rest) = public.split_first_chunk()?;
    let (fmspc, rest) = rest.split_first_chunk()?;
    public = rest;
    let mut certificate = || {
        let (length, rest) = public.split_first_chunk()?;
        let (certificate, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        public = rest;
        Some(certificate.to_vec())
    };
    let platform = Platform { ppid: *ppid, fmspc: *fmspc, root: certificate()?, pck_ca: certificate()?, pck: certificate()?, tcb_signing: certificate()? };
    public.is_empty().then_some(platform)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use authentic_testing::fuzz::fuzz;
    use der::Decode;
    use std::os::unix::fs::PermissionsExt;

    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("authentic-keys-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_platform_stays_what_it_was_and_no_two_are_alike() {
        let scratch = Scratch::new("same");
        let (path, other) = (scratch.0.join("keys"), scratch.0.join("other"));
        let first = Keys::open(&path, SystemTime::now()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = Keys::open(&path, SystemTime::now()).unwrap();
        assert_eq!(first.platform, again.platform);
        assert_eq!(first.signing(Key::Attestation).verifying_key(), again.signing(Key::Attestation).verifying_key());
        let second = Keys::open(&other, SystemTime::now()).unwrap();
        for key in [Key::Root, Key::PckCa, Key::Pck, Key::TcbSigning, Key::Attestation] {
            assert_ne!(first.signing(key).verifying_key(), second.signing(key).verifying_key());
        }
        assert!(first.platform.ppid != second.platform.ppid && first.platform.fmspc != second.platform.fmspc);
    }

    #[test]
    fn a_platform_that_was_made_by_a_clock_that_is_ahead_is_valid_by_one_that_is_right() {
        let scratch = Scratch::new("ahead");
        let (right, day) = (SystemTime::now(), std::time::Duration::from_secs(86_400));
        let ahead = Keys::open(&scratch.0.join("keys"), right + 400 * day).unwrap().platform;
        for certificate in [&ahead.root, &ahead.pck_ca, &ahead.pck, &ahead.tcb_signing] {
            let validity = x509_cert::Certificate::from_der(certificate).unwrap().tbs_certificate.validity;
            assert!(validity.not_before.to_system_time() <= right && validity.not_after.to_system_time() > right);
        }
    }

    #[test]
    fn a_file_that_is_damaged_or_exposed_is_refused() {
        let scratch = Scratch::new("damaged");
        let path = scratch.0.join("keys");
        drop(Keys::open(&path, SystemTime::now()).unwrap());
        let good = fs::read(&path).unwrap();
        let mut zero = good.clone();
        zero[16..48].fill(0);
        for (what, bytes) in
            [("empty", Vec::new()), ("cut", good[..good.len() - 1].to_vec()), ("longer", [&good[..], &[0]].concat()), ("zero", zero), ("huge", vec![0; 20_000])]
        {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(Keys::open(&path, SystemTime::now()), Err(KeyError::Damaged(_))), "{what}");
        }
        fs::write(&path, &good).unwrap();
        assert!(Keys::open(&path, SystemTime::now()).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keys::open(&path, SystemTime::now()), Err(KeyError::Exposed(_))));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(Keys::open(&path, SystemTime::now()), Err(KeyError::Io { .. })));
    }

    #[test]
    fn files() {
        let scratch = Scratch::new("fuzz");
        let path = scratch.0.join("keys");
        drop(Keys::open(&path, SystemTime::now()).unwrap());
        let file = fs::read(&path).unwrap();
        let public = &file[16 + SCALARS..file.len() - HASH];
        fuzz("files of platforms", |random| parse(&random.changed(&[public])).is_some()).reaches(100);
    }
}
