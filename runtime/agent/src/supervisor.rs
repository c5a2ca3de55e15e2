//! All instances of a node: started, adopted after a restart of the agent, ended.

use crate::error::ApiError;
use crate::folder::{Folder, write_json};
use crate::handover;
use crate::instance::{Instance, Life};
use crate::process::Process;
use authentic_wire::id::{Id, Slot};
use authentic_wire::instance::InstanceFile;
use axum::http::StatusCode;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All instances of a node.
pub struct Supervisor {
    folder: Arc<Folder>,
    host_binary: PathBuf,
    instances: Mutex<BTreeMap<Slot, Arc<Instance>>>,
    /// One start or end at a time for an instance.
    changes: Mutex<HashMap<Id, Arc<tokio::sync::Mutex<()>>>>,
}

impl Supervisor {
    /// Supervises the instances in `folder`; adopts those whose module hosts still run.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn start(folder: Arc<Folder>, host_binary: PathBuf) -> io::Result<Self> {
        let mut instances = BTreeMap::new();
        for (slot, file) in folder.instances()? {
            let path = folder.instance(slot);
            let Some(file) = file else {
                tracing::warn!(instance = %slot, "removing the left-overs of an interrupted start");
                let _ = fs::remove_dir_all(path);
                continue;
            };
            let instance = match Process::adopt(&path, slot.instance).await {
                Ok(process) => {
                    tracing::info!(instance = %slot, pid = process.pid, "adopted a running module host");
                    Instance::running(file, slot.successor, process)
                }
                Err(error) => {
                    tracing::warn!(instance = %slot, %error, "the module host is gone");
                    Instance::exited(file, slot.successor, "the module host was not running when the agent started".into())
                }
            };
            if handover::was_offered(&path) {
                instance.offer();
            }
            instances.insert(slot, Arc::new(instance));
        }
        Ok(Self { folder, host_binary, instances: Mutex::new(instances), changes: Mutex::default() })
    }

    fn instances(&self) -> MutexGuard<'_, BTreeMap<Slot, Arc<Instance>>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All instances, by id.
    pub fn list(&self) -> Vec<Arc<Instance>> {
        self.instances().values().cloned().collect()
    }

    /// The instance with this id.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, slot: impl Into<Slot>) -> Result<Arc<Instance>, ApiError> {
        let slot = slot.into();
        self.instances().get(&slot).cloned().ok_or_else(|| ApiError::unknown_instance(slot))
    }

    /// The instance's folder.
    pub fn folder_of(&self, slot: Slot) -> PathBuf {
        self.folder.instance(slot)
    }

    async fn exclusively(&self, id: Id) -> tokio::sync::OwnedMutexGuard<()> {
        let change = {
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds or waits for: callers can name any number of instances.
            changes.retain(|_, change| Arc::strong_count(change) > 1);
            changes.entry(id).or_default().clone()
        };
        change.lock_owned().await
    }

    /// Starts an instance. Returns it, and whether it was started now.
    ///
    /// # Errors
    /// Something else runs there, it was started and is not running any more, or the module host does not start.
    pub async fn put(&self, file: InstanceFile, successor: bool, image: Vec<u8>) -> Result<(Arc<Instance>, bool), ApiError> {
        let id = file.instance;
        let slot = Slot { instance: id, successor };
        let _exclusive = self.exclusively(id).await;
        let present = self.instances().get(&slot).cloned();
        if let Some(present) = present {
            return self.already_there(&present, &file).await.map(|()| (present, false));
        }
        let path = self.folder.instance(slot);
        let started = match self.write(&path, &file, &image) {
            Ok(()) => Process::start(&self.host_binary, &path, id).await,
            Err(error) => Err(ApiError::storage("write the instance's folder", &error)),
        };
        match started {
            Ok(process) => {
                tracing::info!(instance = %slot, name = %file.name, pid = process.pid, "started");
                let instance = Arc::new(Instance::running(file, successor, process));
                self.instances().insert(slot, instance.clone());
                Ok((instance, true))
            }
            Err(error) => {
                tracing::warn!(instance = %slot, name = %file.name, %error, "not started");
                let _ = fs::remove_dir_all(path);
                Err(error)
            }
        }
    }

    async fn already_there(&self, present: &Instance, wanted: &InstanceFile) -> Result<(), ApiError> {
        let conflict = |message: String| Err(ApiError::new(StatusCode::CONFLICT, "AE-AGENT-CONFLICT", message, "delete the instance, then start it again"));
        if present.file.image_digest != wanted.image_digest || present.file.deployment != wanted.deployment {
            return conflict(format!("another image runs as instance {}", wanted.instance));
        }
        if let Life::Exited(reason) = present.life() {
            return conflict(format!("instance {} is not running any more: {reason}", wanted.instance));
        }
        if let Some(reason) = present.failure().await {
            return conflict(format!("instance {} has failed: {reason}", wanted.instance));
        }
        Ok(())
    }

    fn write(&self, path: &std::path::Path, file: &InstanceFile, image: &[u8]) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        fs::DirBuilder::new().mode(0o700).create(path)?;
        fs::write(path.join("image"), image)?;
        write_json(&path.join("instance.json"), file)
    }

    /// Ends an instance and removes its folder. Nothing to do where there is none.
    ///
    /// # Errors
    /// It is not of this version any more, or the folder cannot be removed.
    pub async fn delete(&self, slot: Slot, version: Option<&str>) -> Result<(), ApiError> {
        let _exclusive = self.exclusively(slot.instance).await;
        if let Ok(present) = self.get(slot) {
            require(&present, version)?;
        }
        self.end(slot).await
    }

    /// Does something that concerns an instance while nobody can end it.
    ///
    /// # Errors
    /// It is not there any more, or what is done fails.
    pub async fn while_there(&self, instance: &Arc<Instance>, what: impl FnOnce() -> Result<(), ApiError>) -> Result<(), ApiError> {
        let _exclusive = self.exclusively(instance.file.instance).await;
        let slot = instance.slot();
        if Arc::ptr_eq(&self.get(slot)?, instance) { what() } else { Err(changed(slot)) }
    }

    async fn end(&self, slot: Slot) -> Result<(), ApiError> {
        let present = self.instances().get(&slot).cloned();
        if let Some(present) = present {
            present.stop().await;
        }
        match fs::remove_dir_all(self.folder.instance(slot)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ApiError::storage("remove the instance's folder", &error)),
            _ => {}
        }
        if self.instances().remove(&slot).is_some() {
            tracing::info!(instance = %slot, "deleted");
        }
        Ok(())
    }

    /// Puts the successor in the instance's place; whatever is there ends. Interrupted, it can be done again.
    ///
    /// # Errors
    /// There is no successor of this version, or its folder cannot be moved.
    pub async fn promote(&self, id: Id, version: Option<&str>) -> Result<Arc<Instance>, ApiError> {
        let _exclusive = self.exclusively(id).await;
        let (slot, successor) = (Slot::from(id), Slot::successor(id));
        let instance = self.get(successor)?;
        require(&instance, version)?;
        self.end(slot).await?;
        fs::rename(self.folder.instance(successor), self.folder.instance(slot)).map_err(|error| ApiError::storage("move the successor's folder", &error))?;
        let mut instances = self.instances();
        instances.remove(&successor);
        instance.succeed();
        instances.insert(slot, instance.clone());
        tracing::info!(instance = %slot, "the successor took over");
        Ok(instance)
    }

    /// Ends all module hosts.
    pub async fn stop_all(&self) {
        let mut stops = tokio::task::JoinSet::new();
        for instance in self.list() {
            stops.spawn(async move { instance.stop().await });
        }
        while stops.join_next().await.is_some() {}
    }
}

fn require(instance: &Instance, version: Option<&str>) -> Result<(), ApiError> {
    if version.is_some_and(|version| version != instance.version()) { Err(changed(instance.slot())) } else { Ok(()) }
}

fn changed(slot: Slot) -> ApiError {
    ApiError::new(StatusCode::PRECONDITION_FAILED, "AE-AGENT-CHANGED", format!("instance {slot} is not what it was when it was looked at"), "look again")
}
