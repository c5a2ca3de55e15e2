//! The module host as a process, with native modules of a few instructions.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod support;

use authentic_testing::image::{Behaviour, image};
use authentic_wire::control::{self, Answer, Bytes, Call};
use authentic_wire::message::MessageType;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use support::{Folder, INSTANCE, Link};

struct Host {
    folder: Folder,
    child: Child,
    link: Link,
}

fn spawn(name: &str, file: &[u8]) -> Host {
    let folder = Folder::new(name);
    std::fs::write(folder.0.join("image"), file).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_authentic-host"))
        .arg("--folder")
        .arg(&folder.0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Host { folder, child, link: Link::new(ours) }
}

impl Host {
    fn stop(mut self) {
        assert_eq!(self.link.call(Call::Stop), Answer::Done);
        assert!(self.child.wait().unwrap().success());
        assert!(!self.folder.0.join("host.sock").exists());
    }
}

fn fails(behaviour: Behaviour, expected: &str) {
    let mut host = spawn(&format!("{behaviour:?}"), &image(behaviour, 0));
    assert!(matches!(host.link.call(Call::Hello { version: control::VERSION }), Answer::Hello { instance: INSTANCE, .. }));
    assert_eq!(host.link.status().failed, None);
    assert!(matches!(host.link.call(Call::Entry { endpoint: 0 }), Answer::Error { code, .. } if code == "AE-HOST-FAILED"));
    let reason = host.link.status().failed.unwrap();
    assert!(reason.contains(expected), "{reason}");
    host.stop();
}

#[test]
fn an_undefined_instruction_fails_the_instance() {
    fails(Behaviour::UndefinedInstruction, "fault SIGILL at image+0x7e");
}

#[test]
fn a_bad_access_fails_the_instance() {
    fails(Behaviour::BadAccess, "fault SIGSEGV at image+0x7e accessing 0x1 outside the image");
}

#[test]
fn the_host_survives_a_direction_flag_left_set() {
    fails(Behaviour::DirectionFlag, "fault SIGILL at image+0x7f");
}

#[test]
fn an_endless_loop_is_stopped() {
    fails(Behaviour::Loop, "exceeded its time limit at image+0x7e");
}

#[test]
fn a_module_that_cannot_erase_its_keys_is_destroyed() {
    for behaviour in [Behaviour::FaultTwice, Behaviour::LoopTwice] {
        let mut host = spawn(&format!("{behaviour:?}"), &image(behaviour, 0));
        host.link.call(Call::Entry { endpoint: 0 });
        assert!(host.link.status().failed.is_some());
        let answer = host.link.call(Call::Message { kind: MessageType::M1, body: Bytes(vec![1]) });
        assert_eq!(answer, Answer::Refused { code: 10 });
        host.stop();
    }
}

#[test]
fn a_module_that_always_wants_more_does_not_keep_the_agent_out() {
    let mut host = spawn("more", &image(Behaviour::More, 0));
    // Return value 1 for reason 1: more; the host polls its sockets in between.
    assert!(matches!(host.link.call(Call::Hello { version: control::VERSION }), Answer::Hello { .. }));
    for _ in 0..10 {
        host.link.status();
    }
    host.stop();
}

#[test]
fn a_file_that_is_no_image_is_refused_with_the_reason() {
    let mut wrong_machine = image(Behaviour::Idle, 0);
    wrong_machine[18] = 40;
    let mut writable_code = image(Behaviour::Idle, 0);
    writable_code[68] = 7;
    for (file, expected) in [(&b"text"[..], "not an ELF file"), (&wrong_machine, "x86-64"), (&writable_code, "both writable and executable")] {
        let host = spawn("refused", file);
        let output = host.child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["code"], "AE-HOST-IMAGE");
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
    }
}

#[test]
fn another_link_takes_over_when_the_first_is_gone() {
    let Host { folder, mut child, link } = spawn("adopt", &image(Behaviour::Idle, 0));
    drop(link);
    let start = std::time::Instant::now();
    let stream = loop {
        match UnixStream::connect(folder.0.join("host.sock")) {
            Ok(stream) => break stream,
            Err(_) => assert!(start.elapsed() < support::PATIENCE),
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let mut link = Link::new(stream);
    assert!(matches!(link.call(Call::Hello { version: control::VERSION }), Answer::Hello { instance: INSTANCE, .. }));
    link.call(Call::Stop);
    assert!(child.wait().unwrap().success());
}
