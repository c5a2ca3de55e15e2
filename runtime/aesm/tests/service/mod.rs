//! A service that records the bytes of each request and answers with bytes that a test chose.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// How one connection is served.
pub enum Answer {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// One byte now and then, for ever.
    Trickle,
}

pub struct Service {
    folder: PathBuf,
    pub path: PathBuf,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Service {
    /// Answers one connection after the other; further ones are not accepted.
    pub fn new(name: &str, answers: Vec<Answer>) -> Self {
        let folder = std::env::temp_dir().join(format!("authentic-aesm-{name}-{}", std::process::id()));
        // Longer than a socket's address.
        let deep = folder.join("long".repeat(30));
        std::fs::create_dir_all(&deep).unwrap();
        let directory = std::fs::File::open(&deep).unwrap();
        let short = format!("/proc/self/fd/{}/aesm.socket", std::os::fd::AsRawFd::as_raw_fd(&directory));
        let listener = UnixListener::bind(short).unwrap();
        let requests = Arc::default();
        let recorded: Arc<Mutex<Vec<Vec<u8>>>> = Arc::clone(&requests);
        std::thread::spawn(move || serve(&listener, answers.into(), &recorded));
        Self { path: deep.join("aesm.socket"), folder, requests }
    }

    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn serve(listener: &UnixListener, mut answers: VecDeque<Answer>, requests: &Mutex<Vec<Vec<u8>>>) {
    while let Some(answer) = answers.pop_front() {
        let mut stream = listener.accept().unwrap().0;
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut request = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut request).unwrap();
        requests.lock().unwrap().push(request);
        match answer {
            Answer::Bytes(bytes) => {
                let _ = stream.write_all(&bytes);
            }
            Answer::Silence => std::mem::forget(stream),
            Answer::Trickle => {
                while stream.write_all(&[0, 0xff, 0, 0]).is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
            }
        }
    }
}

/// The protobuf encoding, written anew: a number.
pub fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// Bytes, or a message.
pub fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A reply with its length in front.
pub fn reply(field: u64, members: &[Vec<u8>]) -> Answer {
    let body = bytes(field, &members.concat());
    Answer::Bytes([&(body.len() as u32).to_le_bytes()[..], &body].concat())
}

pub const SUCCESS: [u8; 2] = [8, 0];

pub fn refusal(field: u64, code: u64) -> Answer {
    reply(field, &[number(1, code)])
}
