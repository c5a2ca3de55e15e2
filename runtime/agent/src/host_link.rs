//! The agent's end of a module host's control socket.

use authentic_wire::control::{self, Answer, Call, MAX_LENGTH, Request, Response};
use authentic_wire::id::Id;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

const TIMEOUT: Duration = Duration::from_secs(30);
const BACKLOG: usize = 64;

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The module host is gone.
    #[error("the module host is not running")]
    Closed,
    /// It did not answer in time.
    #[error("the module host did not answer within {} s", TIMEOUT.as_secs())]
    Silent,
}

struct Outgoing {
    bytes: Vec<u8>,
    socket: Option<OwnedFd>,
}

type Pending = Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>>;

/// A connected module host. Clones share the socket.
#[derive(Clone)]
pub struct HostLink {
    outgoing: mpsc::Sender<Outgoing>,
    pending: Pending,
    next: Arc<AtomicU64>,
    closed: watch::Receiver<bool>,
}

impl HostLink {
    /// Talks over `stream`.
    pub fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        let (outgoing, queue) = mpsc::channel(BACKLOG);
        let (closing, closed) = watch::channel(false);
        let pending = Pending::default();
        tokio::spawn(write(writer, queue));
        let answers = pending.clone();
        tokio::spawn(async move {
            read(reader, &answers).await;
            let _ = closing.send(true);
            // Callers get an error as their senders are dropped.
            answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        });
        Self { outgoing, pending, next: Arc::new(AtomicU64::new(1)), closed }
    }

    /// Calls the host.
    ///
    /// # Errors
    /// The host is gone or does not answer.
    pub async fn call(&self, call: Call) -> Result<Answer, LinkError> {
        self.call_within(call, TIMEOUT).await
    }

    /// Calls the host and waits at most `timeout`.
    ///
    /// # Errors
    /// The host is gone or does not answer.
    pub async fn call_within(&self, call: Call, timeout: Duration) -> Result<Answer, LinkError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        if *self.closed.borrow() {
            return Err(LinkError::Closed);
        }
        self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id, sender);
        let bytes = control::encode(&Request { id, call });
        let answered = tokio::time::timeout(timeout, async {
            self.outgoing.send(Outgoing { bytes, socket: None }).await.map_err(|_| LinkError::Closed)?;
            receiver.await.map_err(|_| LinkError::Closed)
        });
        let answer = answered.await.unwrap_or(Err(LinkError::Silent));
        if answer.is_err() {
            self.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&id);
        }
        answer
    }

    /// Passes an event socket to the host. False where the host is too busy to take it.
    pub fn pass(&self, socket: OwnedFd, source: Id) -> bool {
        let bytes = control::encode(&Request { id: 0, call: Call::Socket { source } });
        self.outgoing.try_send(Outgoing { bytes, socket: Some(socket) }).is_ok()
    }

    /// Waits until the host has closed the socket.
    pub async fn closed(&self) {
        let mut closed = self.closed.clone();
        let _ = closed.wait_for(|closed| *closed).await;
    }
}

async fn write(writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Outgoing>) {
    while let Some(Outgoing { bytes, socket }) = queue.recv().await {
        if write_message(writer.as_ref(), &bytes, socket).await.is_err() {
            return;
        }
    }
}

async fn write_message(stream: &UnixStream, mut bytes: &[u8], mut socket: Option<OwnedFd>) -> io::Result<()> {
    while !bytes.is_empty() {
        let descriptors = socket.as_ref().map(|socket| [socket.as_fd()]);
        let count = stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut ancillary = SendAncillaryBuffer::new(&mut space);
                if let Some(descriptors) = &descriptors {
                    ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
                }
                Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
            })
            .await?;
        // The socket went with the first byte.
        socket = None;
        bytes = &bytes[count..];
    }
    Ok(())
}

async fn read(mut reader: OwnedReadHalf, pending: &Pending) {
    let mut bytes = Vec::new();
    loop {
        loop {
            match control::decode::<Response>(&mut bytes) {
                Ok(None) => break,
                Ok(Some(response)) => {
                    let waiting = pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&response.id);
                    if let Some(waiting) = waiting {
                        let _ = waiting.send(response.answer);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a module host sent what is not an answer");
                    return;
                }
            }
        }
        if bytes.len() > MAX_LENGTH + 4 || !matches!(reader.read_buf(&mut bytes).await, Ok(1..)) {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use authentic_testing::fuzz::Harness;
    use tokio::io::AsyncWriteExt;

    /// A module host that somebody has replaced says anything: a call has an answer, or the link ends.
    #[test]
    fn answers_of_a_hostile_host() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let samples: Vec<Vec<u8>> = [Answer::Done, Answer::Entry { called: true }, Answer::Status(Box::default()), Answer::Refused { code: 7 }]
            .into_iter()
            .map(|answer| control::encode(&Response { id: 1, answer }))
            .collect();
        let harness = Harness { name: "answers of a hostile module host", memory: 2 << 20, slow: 4 };
        harness
            .run(|random| {
                let answer = random.changed(&samples);
                runtime.block_on(async {
                    let (ours, mut theirs) = UnixStream::pair().unwrap();
                    let link = HostLink::new(ours);
                    theirs.write_all(&answer).await.unwrap();
                    theirs.shutdown().await.unwrap();
                    let answered = link.call(Call::Pins).await.is_ok();
                    drop(theirs);
                    link.closed().await;
                    answered
                })
            })
            .reaches(50);
    }
}
