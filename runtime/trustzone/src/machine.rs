//! The emulated board: QEMU's `mps2-an505` with the firmware, the non-secure side and the device's secrets in its memory.

use crate::device;
use rustix::process::{Signal, set_parent_process_death_signal};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where parts of the board's memory begin, by secure address (`firmware/boards/mps2-an505/layout.h`).
const FIRMWARE: u32 = 0x1000_0000;
const NONSECURE: u32 = 0x1020_0000;
const SECRETS: u32 = 0x3000_0000;
const QEMU: &str = "qemu-system-arm";

/// What a board is made of.
pub struct Options {
    /// Folder with `firmware.bin`, `nonsecure.bin` and the device's `unique-key`.
    pub folder: PathBuf,
    /// State of the security lifecycle.
    pub lifecycle: u32,
    /// The emulator; by default the one on PATH.
    pub qemu: Option<PathBuf>,
}

/// Why there is no board.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The emulator is not installed.
    #[error("{QEMU}, which runs emulated TrustZone boards, is not installed")]
    Missing,
    /// Something else.
    #[error("cannot run {QEMU}: {0}")]
    System(#[from] io::Error),
}

/// The emulator on PATH, or where Debian puts it: agents start their children without an environment.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/bin".into(), "/usr/local/bin".into()]).map(|folder| folder.join(QEMU)).find(|file| file.is_file())
}

/// A running board, killed when dropped. Its frames arrive at the other end of a socket pair.
pub struct Machine {
    child: Child,
}

impl Machine {
    /// Starts a board. Call it from the thread that lives longest: the board ends with that.
    ///
    /// # Errors
    /// QEMU is missing or does not start.
    pub fn start(options: &Options) -> Result<(Self, UnixDatagram), MachineError> {
        let qemu = options.qemu.clone().or_else(find).ok_or(MachineError::Missing)?;
        let secrets = device::secrets(&options.folder, options.lifecycle)?;
        let (ours, theirs) = UnixDatagram::pair()?;
        let inherited = [inheritable(secrets.into())?, inheritable(theirs.into())?];
        let mut command = Command::new(qemu);
        command
            .args(["-machine", "mps2-an505", "-nodefaults", "-display", "none", "-no-reboot"])
            .args(loader(&options.folder.join("firmware.bin"), FIRMWARE))
            .args(loader(&options.folder.join("nonsecure.bin"), NONSECURE))
            .args(loader(Path::new(&format!("/proc/self/fd/{}", inherited[0].as_raw_fd())), SECRETS))
            .args(["-netdev", &format!("dgram,id=link,local.type=fd,local.str={}", inherited[1].as_raw_fd()), "-net", "nic,netdev=link"])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // SAFETY: between fork and exec it only makes one system call.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        let child = command.spawn().map_err(|error| if error.kind() == io::ErrorKind::NotFound { MachineError::Missing } else { error.into() })?;
        Ok((Self { child }, ours))
    }

    /// How the emulator ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        let mut output = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = io::Read::read_to_string(&mut io::Read::take(stderr, 4096), &mut output);
        }
        let output = output.trim();
        Some(if status.success() && output.is_empty() { "the board was reset".into() } else { format!("the emulator ended ({status}): {output}") })
    }

    /// Process id of the emulator.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn loader(file: &Path, address: u32) -> [String; 2] {
    // QEMU reads a comma as the end of the name, and two as one.
    ["-device".into(), format!("loader,file={},addr={address:#x},force-raw=on", file.display().to_string().replace(',', ",,"))]
}

/// Cleared close-on-exec: this process starts nothing else.
fn inheritable(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::empty())?;
    Ok(descriptor)
}
