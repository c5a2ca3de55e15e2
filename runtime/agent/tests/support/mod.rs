//! A real agent with real module hosts, driven over its socket.
#![allow(dead_code, clippy::unwrap_used)]

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub const DEPLOYMENT: &str = "11111111111111111111111111111111";
pub const FIRST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const SECOND: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The module host of this workspace, built where it is missing: Cargo builds only the tested package's programs.
fn host_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let status = Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "authentic-host"]).current_dir(workspace).status().unwrap();
        assert!(status.success());
        let beside = Path::new(env!("CARGO_BIN_EXE_authentic-agent")).with_file_name("authentic-host");
        // A test run in release mode has another folder than the build above.
        if beside.exists() { beside } else { beside.parent().unwrap().with_file_name("debug").join("authentic-host") }
    })
}

pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("authentic-agent-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn command(folder: &Path, listen: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authentic-agent"));
    command.args(["run", "--node", "tested", "--folder"]).arg(folder).arg("--host-binary").arg(host_binary());
    for address in listen {
        command.args(["--listen", address]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs an agent that is expected not to start.
pub fn refused(folder: &Path, listen: &[&str]) -> (i32, Value) {
    let Output { status, stderr, .. } = command(folder, listen).output().unwrap();
    (status.code().unwrap(), serde_json::from_slice(&stderr).unwrap())
}

pub struct Agent {
    pub folder: PathBuf,
    pub child: Child,
}

impl Agent {
    pub fn start(folder: &Folder) -> Self {
        Self::start_on(folder, &["127.0.0.1:0"])
    }

    pub fn start_on(folder: &Folder, listen: &[&str]) -> Self {
        let child = command(&folder.0, listen).spawn().unwrap();
        let agent = Self { folder: folder.0.clone(), child };
        let start = Instant::now();
        while agent.try_call("GET", "/v1", "").is_none() {
            assert!(start.elapsed() < PATIENCE, "the agent does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        agent
    }

    pub fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(self.folder.join("agent.sock")).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(stream)
    }

    pub fn try_call(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = self.connect()?;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).ok()?;
        // The agent may refuse a body that is too large before it has read it.
        let _ = stream.write_all(body.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.try_call(method, path, &body).expect("an answer");
        (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub fn put_instance(&self, id: &str, image: &[u8]) -> (u16, Value) {
        self.call("PUT", &format!("/v1/instances/{id}"), &start_body(image))
    }

    pub fn instance(&self, id: &str) -> Value {
        self.get(&format!("/v1/instances/{id}"))
    }

    /// Asks for the instance until it is in this state.
    pub fn wait_for_state(&self, id: &str, state: &str) -> Value {
        let start = Instant::now();
        loop {
            let instance = self.instance(id);
            if instance["state"] == state {
                return instance;
            }
            assert!(start.elapsed() < PATIENCE, "not {state}: {instance}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn port(&self) -> u16 {
        self.get("/v1")["eventAddress"]["port"].as_u64().unwrap() as u16
    }

    /// A counter or gauge of `GET /metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.try_call("GET", "/metrics", "").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.trim().parse().unwrap()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn shut_down(mut self) {
        assert_eq!(self.call("POST", "/v1/shutdown", &Value::Null).0, 200);
        assert!(self.child.wait().unwrap().success());
    }
}

/// A test that fails leaves no processes.
impl Drop for Agent {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            send_signal(self.child.id().into(), rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

pub fn start_body(image: &[u8]) -> Value {
    json!({
        "name": "tested", "deployment": DEPLOYMENT, "tee": "native", "image": base64(image), "entryTimeLimitMs": 100,
        "interface": [{ "name": "poll", "kind": "entry" }, { "name": "led", "kind": "device" }],
    })
}

pub fn base64(bytes: &[u8]) -> String {
    let Value::String(text) = serde_json::to_value(authentic_wire::control::Bytes(bytes.to_vec())).unwrap() else { unreachable!() };
    text
}

/// Whether a process exists and has not ended.
pub fn is_running(pid: u64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

pub fn wait_until_ended(pid: u64) {
    let start = Instant::now();
    while is_running(pid) {
        assert!(start.elapsed() < PATIENCE, "process {pid} stays");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn send_signal(pid: u64, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}
