//! A hostile caller of a program that serves a Unix socket: every input is a connection of its own. What the program used
//! is read from the system, outside the program.

use crate::fuzz::{Harness, Outcome};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives `samples` with changes to the program; an answer that begins with `good` counts as accepted.
///
/// # Panics
/// The program does not answer or close a connection, or has ended.
pub fn call(name: &str, socket: &Path, samples: &[Vec<u8>], good: &[u8]) -> Outcome {
    Harness { name, memory: 4 << 20, slow: 10 }.run(|random| {
        let request = random.changed(samples);
        let mut stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("the program is gone: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        // The program may refuse before it has read everything.
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let mut space = [0; 4096];
        loop {
            match stream.read(&mut space) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&space[..count.min(space.len())]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset || error.kind() == std::io::ErrorKind::BrokenPipe => break,
                Err(error) => panic!("no answer and no end: {error}"),
            }
            assert!(answer.len() <= 1 << 20, "an endless answer");
        }
        answer.starts_with(good)
    })
}

/// The most memory that a process had at once, in bytes.
///
/// # Panics
/// It is not there.
pub fn peak_memory(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel says it");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// An HTTP request that ends its connection.
pub fn http(method: &str, target: &str, body: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
