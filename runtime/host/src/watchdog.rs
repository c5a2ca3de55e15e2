//! Ends entries that use more processor time than they may.
//!
//! Processor time of the event thread, not time on the wall: a suspended or overloaded machine must not fail modules.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

/// The signal that ends an entry.
pub const TIME_LIMIT: libc::c_int = libc::SIGUSR1;

/// Entries so far, odd while one is under way.
static ENTRIES: AtomicU64 = AtomicU64::new(0);
static EXPIRED: AtomicU64 = AtomicU64::new(0);

/// To be called before an entry, ahead of [`Watchdog::wake`].
pub fn entered() {
    ENTRIES.fetch_add(1, Ordering::SeqCst);
}

/// To be called after an entry.
pub fn left() {
    ENTRIES.fetch_add(1, Ordering::SeqCst);
}

/// Whether the entry under way is the one that was too long: it may have returned before its signal came.
pub fn is_expired() -> bool {
    EXPIRED.load(Ordering::Acquire) == ENTRIES.load(Ordering::Relaxed)
}

/// Ends entry number `entry` of `thread` if it is still under way.
fn expire(entry: u64, thread: libc::pthread_t) {
    EXPIRED.store(entry, Ordering::Release);
    // SAFETY: the event thread lives as long as the process.
    unsafe { libc::pthread_kill(thread, TIME_LIMIT) };
}

/// The event thread's side of the watchdog.
pub struct Watchdog {
    thread: Thread,
    idle: Arc<AtomicBool>,
}

fn processor_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl Watchdog {
    /// Watches entries of the calling thread.
    ///
    /// # Errors
    /// No thread, or no clock of the calling thread.
    pub fn start(limit: Duration) -> io::Result<Self> {
        // SAFETY: no preconditions.
        let event_thread = unsafe { libc::pthread_self() };
        let mut clock = 0;
        // SAFETY: the calling thread exists.
        if unsafe { libc::pthread_getcpuclockid(event_thread, &mut clock) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let idle = Arc::new(AtomicBool::new(false));
        let flag = idle.clone();
        let watcher = thread::Builder::new().name("watchdog".into()).stack_size(64 * 1024).spawn(move || watch(limit, event_thread, clock, &flag))?;
        Ok(Self { thread: watcher.thread().clone(), idle })
    }

    /// To be called after [`entered`]: an idle watchdog sleeps until then.
    pub fn wake(&self) {
        if self.idle.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

fn watch(limit: Duration, event_thread: libc::pthread_t, clock: libc::clockid_t, idle: &AtomicBool) {
    let tick = (limit / 4).clamp(Duration::from_millis(1), Duration::from_millis(250));
    let mut seen = u64::MAX;
    let mut since = Duration::ZERO;
    loop {
        let entry = ENTRIES.load(Ordering::SeqCst);
        if entry != seen {
            seen = entry;
            since = processor_time(clock);
        } else if entry % 2 == 1 {
            if processor_time(clock).saturating_sub(since) >= limit {
                expire(entry, event_thread);
            }
        } else {
            // Nothing entered for a whole tick: sleep until something does.
            idle.store(true, Ordering::SeqCst);
            if ENTRIES.load(Ordering::SeqCst) == entry {
                thread::park();
            }
            idle.store(false, Ordering::SeqCst);
            continue;
        }
        thread::sleep(tick);
    }
}
