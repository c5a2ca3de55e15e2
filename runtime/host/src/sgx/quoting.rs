//! Whoever makes quotes of reports on this machine: Intel's service, or the emulated platform, which speaks as it does.

use authentic_aesm::{AesmError, HARDWARE_SOCKET, Quoter, REPORT_LENGTH, TARGET_INFO_LENGTH};
use authentic_wire::instance::Backend;
use std::path::{Path, PathBuf};

/// A quoting enclave, wherever it is.
pub trait Quoting {
    /// For whom reports that are to be quoted have to be made.
    ///
    /// # Errors
    /// What keeps the service from answering.
    fn target_info(&mut self) -> Result<[u8; TARGET_INFO_LENGTH], String>;

    /// A quote of a report.
    ///
    /// # Errors
    /// What keeps the service from making it.
    fn quote(&mut self, report: &[u8; REPORT_LENGTH]) -> Result<Vec<u8>, String>;
}

/// The service of a node. It is connected to when it is needed, so that a module starts without it and is attested once
/// it is there.
pub struct Service {
    path: PathBuf,
    quoter: Option<Quoter>,
}

impl Service {
    /// That of a backend; `node` is the node's folder.
    pub fn new(backend: Backend, node: &Path) -> Self {
        let path = match backend {
            Backend::Hardware => PathBuf::from(HARDWARE_SOCKET),
            Backend::Emulated => node.join("sgx/aesm.socket"),
        };
        Self { path, quoter: None }
    }

    /// Runs `work` with the service, which is asked for its keys again after a failure.
    fn with<T>(&mut self, work: impl FnOnce(&Quoter) -> Result<T, AesmError>) -> Result<T, String> {
        let quoter = match self.quoter.take() {
            Some(quoter) => quoter,
            None => Quoter::connect(&self.path).map_err(|error| error.to_string())?,
        };
        let result = work(&quoter).map_err(|error| error.to_string());
        self.quoter = result.is_ok().then_some(quoter);
        result
    }
}

impl Quoting for Service {
    fn target_info(&mut self) -> Result<[u8; TARGET_INFO_LENGTH], String> {
        self.with(Quoter::target_info)
    }

    fn quote(&mut self, report: &[u8; REPORT_LENGTH]) -> Result<Vec<u8>, String> {
        self.with(|quoter| quoter.quote(report))
    }
}
