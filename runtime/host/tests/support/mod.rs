//! The agent's side of a module host's control socket, for tests.
#![allow(dead_code, clippy::unwrap_used)]

use authentic_wire::control::{self, Answer, Call, Request, Response, Status};
use authentic_wire::id::Id;
use authentic_wire::instance::InstanceFile;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub const INSTANCE: Id = Id([7; 16]);
pub const PEER: Id = Id([9; 16]);

/// Longer than anything here takes, so that a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("authentic-host-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("instance.json"), serde_json::to_vec(&description()).unwrap()).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn description() -> InstanceFile {
    InstanceFile {
        instance: INSTANCE,
        name: "tested".into(),
        deployment: Id([1; 16]),
        tee: "native".into(),
        backend: None,
        image_digest: String::new(),
        entry_time_limit_ms: 100,
        interface: Vec::new(),
        started_at: "2026-01-01T00:00:00Z".into(),
    }
}

pub struct Link {
    pub stream: UnixStream,
    incoming: Vec<u8>,
    next: u64,
}

impl Link {
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, incoming: Vec::new(), next: 1 }
    }

    pub fn call(&mut self, call: Call) -> Answer {
        let id = self.next;
        self.next += 1;
        self.stream.write_all(&control::encode(&Request { id, call })).unwrap();
        let mut space = [0; 4096];
        loop {
            if let Some(response) = control::decode::<Response>(&mut self.incoming).unwrap() {
                assert_eq!(response.id, id);
                return response.answer;
            }
            let count = self.stream.read(&mut space).expect("an answer in time");
            assert_ne!(count, 0, "the host closed the link");
            self.incoming.extend_from_slice(&space[..count]);
        }
    }

    pub fn status(&mut self) -> Status {
        match self.call(Call::Status) {
            Answer::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for the status until `condition` holds.
    pub fn wait(&mut self, what: &str, condition: impl Fn(&Status) -> bool) -> Status {
        let start = Instant::now();
        loop {
            let status = self.status();
            if condition(&status) {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {status:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Passes one end of a fresh TCP connection to the host and returns the other.
    pub fn pass_socket(&mut self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        let bytes = control::encode(&Request { id: 0, call: Call::Socket { source: PEER } });
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [theirs.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        assert_eq!(sendmsg(&self.stream, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::empty()).unwrap(), bytes.len());
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        ours.set_nodelay(true).unwrap();
        ours
    }
}
