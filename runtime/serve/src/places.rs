//! Places for connections. Who has not yet said what it wants gives its place to who comes later, the oldest first:
//! connections that send a byte at a time, or nothing, keep nobody out.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// Whether a connection is being served: it has said what it wants and keeps its place.
#[derive(Clone, Default)]
pub struct Served(Arc<AtomicBool>);

impl Served {
    /// True from now on, or false: it has to say again what it wants.
    pub fn set(&self, served: bool) {
        self.0.store(served, Ordering::Relaxed);
    }
}

/// What became of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has a place.
    Free,
    /// It has the place of an older one, which was closed.
    GivenUp,
    /// All are being served: it was closed.
    Refused,
}

/// A limited number of connections, each in a task.
pub struct Places {
    limit: usize,
    next: AtomicU64,
    taken: Mutex<BTreeMap<u64, (AbortHandle, Served)>>,
}

impl Places {
    /// Places for `limit` connections at once.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, next: AtomicU64::new(0), taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, (AbortHandle, Served)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections at the moment.
    pub fn len(&self) -> usize {
        self.taken().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Serves a connection in a task of its own, which ends where the place is given up.
    pub fn admit<F: Future<Output = ()> + Send + 'static>(self: &Arc<Self>, serve: impl FnOnce(Served) -> F) -> Admission {
        let mut admission = Admission::Free;
        if self.len() >= self.limit {
            if !self.give_up() {
                return Admission::Refused;
            }
            admission = Admission::GivenUp;
        }
        let (id, served, places) = (self.next.fetch_add(1, Ordering::Relaxed), Served::default(), self.clone());
        let connection = serve(served.clone());
        let mut taken = self.taken();
        // The task cannot remove itself before it is in the map: it waits for the lock.
        let task = tokio::spawn(async move {
            connection.await;
            places.taken().remove(&id);
        });
        taken.insert(id, (task.abort_handle(), served));
        admission
    }

    /// Closes the oldest connection that is not being served. False where there is none.
    pub fn give_up(&self) -> bool {
        let mut taken = self.taken();
        let Some(id) = taken.iter().find(|(_, (_, served))| !served.0.load(Ordering::Relaxed)).map(|(id, _)| *id) else { return false };
        if let Some((task, _)) = taken.remove(&id) {
            task.abort();
        }
        true
    }

    /// Waits until there is no connection.
    pub async fn emptied(&self) {
        while !self.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_that_is_not_served_makes_room_and_nobody_else() {
        let places = Places::new(3);
        let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let admit = |name: u32, is_served: bool| {
            let sender = ended.clone();
            places.admit(move |served| async move {
                served.set(is_served);
                let _guard = Guard(name, sender);
                std::future::pending::<()>().await;
            })
        };
        struct Guard(u32, tokio::sync::mpsc::UnboundedSender<u32>);
        impl Drop for Guard {
            fn drop(&mut self) {
                let _ = self.1.send(self.0);
            }
        }
        let mut admissions = Vec::new();
        for (name, served) in [(0, true), (1, false), (2, true), (3, true), (4, true)] {
            admissions.push(admit(name, served));
            tokio::task::yield_now().await;
        }
        assert_eq!(admissions, [Admission::Free, Admission::Free, Admission::Free, Admission::GivenUp, Admission::Refused]);
        assert_eq!((ends.recv().await, places.len()), (Some(1), 3));
        assert!(!places.give_up());
    }
}
