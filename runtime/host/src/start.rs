//! Start of a module host: reads its folder, loads the module, opens the control socket.

use crate::board::{BoardModule, BridgeError};
use crate::enclave::Enclave;
use crate::event_loop;
use crate::gate::Gate;
use crate::host::Host;
use crate::native::LoadError;
#[cfg(target_arch = "x86_64")]
use crate::native::Native;
use crate::region::Region;
#[cfg(target_arch = "x86_64")]
use crate::sgx::{self, SgxError};
use crate::trustzone::{TrustzoneError, TrustzoneModule};
use authentic_process::{SocketFolder, raise_descriptor_limit};
use authentic_wire::instance::InstanceFile;
use authentic_wire::ring::Layout;
use mio::Poll;
use mio::net::{UnixListener, UnixStream};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
#[cfg(target_arch = "x86_64")]
use std::time::Duration;

const CONTROL: u32 = 1 << 20;
const EVENTS: u32 = 512 << 10;
const OUT: u32 = 1 << 20;
/// What a host for this processor runs.
const RUNS: &str = if cfg!(target_arch = "x86_64") { "native and sgx modules and modules on boards" } else { "modules on boards" };
/// The folder of the node's TrustZone board, from that of an instance.
const TRUSTZONE: &str = "../../trustzone";

/// Why a module host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    /// `instance.json` is not understood.
    #[error("instance.json is not understood: {0}")]
    Description(serde_json::Error),
    /// No host for this kind of TEE.
    #[error("this module host runs {RUNS}, not {0}")]
    Tee(String),
    /// The module cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The module cannot be loaded onto its board.
    #[error("the module cannot be loaded onto the board: {0}")]
    Board(#[from] BridgeError),
    /// The enclave cannot be loaded.
    #[cfg(target_arch = "x86_64")]
    #[error(transparent)]
    Sgx(#[from] SgxError),
    /// The node's TrustZone board does not take the module.
    #[error(transparent)]
    Trustzone(#[from] TrustzoneError),
    /// The kernel refuses something.
    #[error("the system refuses what the module host needs: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    /// Stable code and next step.
    pub fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::File { .. } => ("AE-HOST-FILE", "check the permissions and free space of the node's folder"),
            Self::Description(_) => ("AE-HOST-DESCRIPTION", "delete the instance and start it again"),
            Self::Board(BridgeError::Gone(_)) => ("AE-HOST-BOARD", "run `pulumi up`, which starts the board of the node; see board.log in the node's folder"),
            Self::Board(BridgeError::Refused { code, .. }) if code == "AE-HOST-IMAGE" => {
                ("AE-HOST-IMAGE", "build the module again with this version of the module kit")
            }
            Self::Board(BridgeError::Refused { code, .. }) if code == "AE-BOARD-PLACE" => {
                ("AE-HOST-BOARD-PLACE", "place the module on another node, or take another off this board")
            }
            Self::Board(_) => ("AE-HOST-BOARD", "look at board.log in the node's folder, then run `pulumi up`"),
            Self::Tee(_) => ("AE-HOST-TEE", "use a node of a kind that this agent supports"),
            Self::Load(LoadError::Image(_)) => ("AE-HOST-IMAGE", "build the module again with this version of the module kit"),
            Self::Load(LoadError::Processor(_)) => ("AE-HOST-PROCESSOR", "use a machine with an x86-64-v3 processor with AES and RDRAND"),
            #[cfg(target_arch = "x86_64")]
            Self::Sgx(error) => error.code(),
            Self::Trustzone(TrustzoneError::Image) => ("AE-HOST-IMAGE", "build the module again with this version of the module kit"),
            Self::Trustzone(TrustzoneError::Device) => ("AE-HOST-DEVICE", "give each device of the board to one module only"),
            Self::Trustzone(TrustzoneError::Full) => ("AE-HOST-BOARD-FULL", "put the module on another board"),
            Self::Trustzone(_) => ("AE-HOST-BOARD", "run `pulumi up --refresh`, which starts the node's board again"),
            Self::Load(_) | Self::System(_) => ("AE-HOST-SYSTEM", "check the machine's memory and process limits"),
        }
    }
}

/// Starts the host of the instance in `folder`, and runs it until it is stopped.
///
/// `first` is a link to the agent that started it, if there is one.
///
/// # Errors
/// What keeps it from starting; after that, only a kernel that refuses to watch sockets.
pub fn start(folder: &Path, first: Option<std::os::unix::net::UnixStream>) -> Result<(), StartError> {
    // The agent renames the folder when this instance takes over from another one, so it is held open.
    let held = fs::File::open(folder).map_err(|error| StartError::File { path: folder.to_owned(), error })?;
    let folder = &PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let file_error = |name: &str| {
        let path = folder.join(name);
        |error| StartError::File { path, error }
    };
    authentic_journal::start(&folder.join("host.log")).map_err(file_error("host.log"))?;
    let description = fs::read(folder.join("instance.json")).map_err(file_error("instance.json"))?;
    let file: InstanceFile = serde_json::from_slice(&description).map_err(StartError::Description)?;
    let image = fs::read(folder.join("image")).map_err(file_error("image"))?;
    let region = Region::map(Layout::new(CONTROL, EVENTS, OUT).expect("constant capacities are valid"))?;
    if file.tee == "sancus" {
        // SAFETY: region and module end together in the gate, the module first; the gate uses the host's ends alone.
        let module = unsafe { BoardModule::load(folder, &file, &image, &region)? };
        write_pid(folder)?;
        return serve(folder, file, region, Box::new(module), first);
    }
    let enclave: Box<dyn Enclave> = if file.tee == "trustzone" {
        // SAFETY: the region is dropped after the module, together in the gate.
        unsafe { Box::new(TrustzoneModule::load(&folder.join(TRUSTZONE), &image, &region, file.entry_time_limit_ms)?) }
    } else {
        // SAFETY: as above. The module's code is what this process is for.
        unsafe { load_here(folder, &file, &image, &region)? }
    };
    drop(image);
    write_pid(folder)?;
    serve(folder, file, region, enclave, first)
}

/// Loads a module into this process.
///
/// # Safety
/// `region` outlives the module, whose code is run: a native module is not isolated from its host, as its evidence (none)
/// says, and what isolates the host from an emulated enclave is in `docs/sgx.md`.
#[cfg(target_arch = "x86_64")]
unsafe fn load_here(folder: &Path, file: &InstanceFile, image: &[u8], region: &Region) -> Result<Box<dyn Enclave>, StartError> {
    let limit = Duration::from_millis(file.entry_time_limit_ms.into());
    let (shared, size) = (region.address(), region.size());
    // SAFETY: as of this function.
    unsafe {
        match file.tee.as_str() {
            "native" => Ok(Box::new(Native::load(image, shared, size, limit)?)),
            "sgx" => Ok(Box::new(sgx::load(image, file.backend.ok_or(SgxError::Backend)?, &node_folder(folder), shared, size, limit)?)),
            _ => Err(StartError::Tee(file.tee.clone())),
        }
    }
}

/// Refuses: native modules and enclaves are code for x86-64 processors.
///
/// # Safety
/// Nothing to keep.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn load_here(_: &Path, file: &InstanceFile, _: &[u8], _: &Region) -> Result<Box<dyn Enclave>, StartError> {
    Err(StartError::Tee(file.tee.clone()))
}

fn write_pid(folder: &Path) -> Result<(), StartError> {
    let path = folder.join("host.pid");
    fs::write(&path, format!("{}\n", std::process::id())).map_err(|error| StartError::File { path, error })
}

/// Runs a host around an enclave that was created on `region`.
///
/// # Errors
/// As for [`start`].
pub fn serve(
    folder: &Path,
    file: InstanceFile,
    region: Region,
    enclave: Box<dyn Enclave>,
    first: Option<std::os::unix::net::UnixStream>,
) -> Result<(), StartError> {
    raise_descriptor_limit();
    let listener = SocketFolder::open(folder)
        .and_then(|sockets| sockets.listen("host.sock"))
        .map_err(|error| StartError::File { path: folder.join("host.sock"), error })?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener);
    let first = match first {
        Some(stream) => {
            stream.set_nonblocking(true)?;
            Some(UnixStream::from_std(stream))
        }
        None => None,
    };
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    tracing::info!(instance = %file.instance, name = %file.name, version = env!("CARGO_PKG_VERSION"), "module host starts");
    // SAFETY: the region was just mapped for this gate alone.
    let gate = unsafe { Gate::new(region, enclave) };
    let mut host = Host::new(file, gate, registry);
    host.initialize();
    event_loop::run(&mut host, poll, listener, first, &folder.join("instance.json"))?;
    let _ = fs::remove_file(folder.join("host.sock"));
    tracing::info!("module host ends");
    Ok(())
}

/// The node's folder, which has those of its instances in `instances/`.
#[cfg(target_arch = "x86_64")]
fn node_folder(instance: &Path) -> PathBuf {
    instance.join("../..")
}
