//! The module host as a process, with emulated enclaves of a few instructions.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod support;

use authentic_sgx::Processor;
use authentic_testing::enclave::{Action, image, measure, with};
use authentic_testing::sigstruct::sign;
use authentic_wire::control::{Answer, Call, VERSION};
use authentic_wire::instance::{Backend, InstanceFile};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use support::{INSTANCE, Link, description};

/// A node's folder with one instance.
struct Node(PathBuf);

impl Node {
    fn new(name: &str, file: &[u8], backend: Option<Backend>) -> Self {
        let path = std::env::temp_dir().join(format!("authentic-sgx-node-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let node = Self(path);
        std::fs::create_dir_all(node.instance()).unwrap();
        std::fs::create_dir_all(node.0.join("sgx")).unwrap();
        Processor::create(&node.0.join("sgx/processor"), [1; 16]).unwrap();
        let description = InstanceFile { tee: "sgx".into(), backend, ..description() };
        std::fs::write(node.instance().join("instance.json"), serde_json::to_vec(&description).unwrap()).unwrap();
        std::fs::write(node.instance().join("image"), file).unwrap();
        node
    }

    fn instance(&self) -> PathBuf {
        self.0.join("instances/one")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authentic-host"));
        command.arg("--folder").arg(self.instance()).stderr(Stdio::piped());
        command
    }

    fn start(&self) -> (Child, Link) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let child = self.command().stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
        (child, Link::new(ours))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Code and message of a host that does not start.
fn refusal(output: &Output) -> (String, String, String) {
    assert!(!output.status.success());
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |field: &str| error[field].as_str().unwrap().to_string();
    (text("code"), text("message"), text("next"))
}

fn refused(name: &str, file: &[u8], backend: Option<Backend>) -> (String, String, String) {
    refusal(&Node::new(name, file, backend).command().output().unwrap())
}

fn fails(action: Action, expected: &str) {
    let node = Node::new(&format!("{action:?}"), &image(action), Some(Backend::Emulated));
    let (mut child, mut link) = node.start();
    assert!(matches!(link.call(Call::Hello { version: VERSION }), Answer::Hello { instance: INSTANCE, .. }));
    assert_eq!(link.status().failed, None);
    assert!(matches!(link.call(Call::Entry { endpoint: 0 }), Answer::Error { code, .. } if code == "AE-HOST-FAILED"));
    let reason = link.status().failed.unwrap();
    assert!(reason.contains(expected), "{reason}");
    assert_eq!(link.call(Call::Stop), Answer::Done);
    assert!(child.wait().unwrap().success());
}

#[test]
fn enclaves_that_fault_fail_their_instance_and_not_the_host() {
    fails(Action::NullWrite, "fault #PF at enclave+0x1");
    fails(Action::UndefinedInstruction, "fault #UD");
    fails(Action::Divide, "fault #DE");
    fails(Action::StackOverflow, "accessing enclave+0x6ff8");
    fails(Action::SystemCall, "fault #UD");
    fails(Action::Loop, "exceeded its time limit at enclave+0x1");
}

#[test]
fn images_that_were_changed_are_refused_with_the_reason() {
    let mut flipped = image(Action::Return);
    *flipped.last_mut().unwrap() ^= 1;
    let (code, message, _) = refused("flipped", &flipped, Some(Backend::Emulated));
    assert_eq!(code, "AE-HOST-IMAGE", "{message}");
    let mut code_flipped = image(Action::Return);
    code_flipped[1808 + 64 + 5 * 56] ^= 1;
    let (code, message, _) = refused("flipped-code", &code_flipped, Some(Backend::Emulated));
    assert_eq!(code, "AE-HOST-SGX-LAUNCH");
    assert!(message.contains("SGX_INVALID_MEASUREMENT"), "{message}");
    let other = with(&sign(&measure(Action::Loop), |_| ()), Action::Return);
    assert_eq!(refused("other", &other, Some(Backend::Emulated)).0, "AE-HOST-SGX-LAUNCH");
    assert_eq!(refused("short", &[0; 100], Some(Backend::Emulated)).0, "AE-HOST-IMAGE");
}

#[test]
fn a_node_without_its_processor_is_told_what_to_do() {
    let node = Node::new("bare", &image(Action::Return), Some(Backend::Emulated));
    std::fs::remove_file(node.0.join("sgx/processor")).unwrap();
    let (code, _, next) = refusal(&node.command().output().unwrap());
    assert_eq!(code, "AE-HOST-SGX-PROCESSOR");
    assert!(next.contains("--sgx emulated"));
}

#[test]
fn a_backend_is_never_chosen_for_the_node() {
    assert_eq!(refused("none", &image(Action::Return), None).0, "AE-HOST-DESCRIPTION");
    if !std::path::Path::new("/dev/sgx_enclave").exists() {
        let (code, _, next) = refused("hardware", &image(Action::Return), Some(Backend::Hardware));
        assert_eq!(code, "AE-HOST-SGX-DEVICE");
        assert!(next.contains("emulated"));
    }
}

#[test]
fn a_limit_of_locked_memory_is_named_with_its_remedy() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Root is exempt from the limit, so another user runs a copy of the host.
    let node = Node::new("locked", &image(Action::Return), Some(Backend::Emulated));
    let host = node.0.join("host");
    std::fs::copy(env!("CARGO_BIN_EXE_authentic-host"), &host).unwrap();
    for entry in ["", "sgx", "sgx/processor", "instances", "instances/one", "instances/one/image", "instances/one/instance.json"] {
        std::os::unix::fs::chown(node.0.join(entry), Some(65_534), Some(65_534)).unwrap();
    }
    let mut command = Command::new(host);
    command.arg("--folder").arg(node.instance()).stdin(Stdio::null()).uid(65_534).gid(65_534).current_dir("/");
    // SAFETY: setrlimit is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 8192, rlim_max: 8192 };
            if libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    let (code, message, next) = refusal(&command.output().unwrap());
    assert_eq!(code, "AE-HOST-SGX-MEMORY", "{message}");
    assert!(next.contains("RLIMIT_MEMLOCK") && next.contains("ulimit -l"), "{next}");
}
