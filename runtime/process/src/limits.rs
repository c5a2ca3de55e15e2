//! Limits of the process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Allows as many open files as the system lets this process have: many sockets are normal, and the soft limit often is 1024.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
