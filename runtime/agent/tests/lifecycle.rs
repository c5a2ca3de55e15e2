//! Starts, failures, restarts and ends of agents and module hosts.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod support;

use authentic_testing::image::{Behaviour, image};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::net::TcpListener;
use support::{Agent, FIRST, Folder, SECOND, is_running, refused, send_signal, wait_until_ended};

#[test]
fn starts_shows_and_deletes_an_instance() {
    let folder = Folder::new("lifecycle");
    let agent = Agent::start(&folder);
    let (status, started) = agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    assert_eq!((status, &started["state"]), (201, &json!("running")), "{started}");
    let pid = started["pid"].as_u64().unwrap();
    assert!(is_running(pid));
    assert_eq!(agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 200);
    let (status, conflict) = agent.put_instance(FIRST, &image(Behaviour::Idle, 1));
    assert_eq!((status, &conflict["error"]["code"]), (409, &json!("AE-AGENT-CONFLICT")));
    assert_eq!(agent.get("/v1/instances")["instances"][0]["instance"], FIRST);
    for _ in 0..2 {
        assert_eq!(agent.call("DELETE", &format!("/v1/instances/{FIRST}"), &Value::Null).0, 204);
    }
    assert!(!is_running(pid));
    assert!(!folder.0.join("instances").join(FIRST).exists());
    assert_eq!(agent.call("GET", &format!("/v1/instances/{FIRST}"), &Value::Null).0, 404);
    agent.shut_down();
}

#[test]
fn ends_and_promotes_only_what_the_caller_has_seen() {
    let folder = Folder::new("version");
    let agent = Agent::start(&folder);
    let successor = format!("{FIRST}.successor");
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let (_, started) = agent.put_instance(&successor, &image(Behaviour::Idle, 1));
    let seen = started["version"].as_str().unwrap().to_owned();
    assert_eq!(agent.call("DELETE", &format!("/v1/instances/{successor}"), &Value::Null).0, 204);
    let (_, other) = agent.put_instance(&successor, &image(Behaviour::Idle, 1));
    for (method, target) in [("DELETE", format!("/v1/instances/{successor}?version={seen}")), ("POST", format!("/v1/instances/{FIRST}/promotion?version={seen}"))] {
        let (status, error) = agent.call(method, &target, &Value::Null);
        assert_eq!((status, &error["error"]["code"]), (412, &json!("AE-AGENT-CHANGED")));
    }
    assert_eq!(agent.call("DELETE", &format!("/v1/instances/{successor}?verison=1"), &Value::Null).0, 400);
    let version = other["version"].as_str().unwrap();
    assert_eq!(agent.call("POST", &format!("/v1/instances/{FIRST}/promotion?version={version}"), &Value::Null).0, 200);
    assert_eq!(agent.instance(FIRST)["version"], version);
    assert_eq!(agent.call("DELETE", &format!("/v1/instances/{FIRST}?version={version}"), &Value::Null).0, 204);
    agent.shut_down();
}

#[test]
fn a_host_that_does_not_start_leaves_nothing_and_says_why() {
    let folder = Folder::new("no-start");
    let agent = Agent::start(&folder);
    let (status, error) = agent.put_instance(FIRST, b"no image");
    assert_eq!((status, &error["error"]["code"]), (400, &json!("AE-HOST-IMAGE")));
    assert!(!folder.0.join("instances").join(FIRST).exists());
    assert_eq!(agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 201);
    agent.shut_down();
}

#[test]
fn crashes_and_endless_loops_are_reported_and_nothing_else_is_disturbed() {
    let folder = Folder::new("crash");
    let agent = Agent::start(&folder);
    agent.put_instance(SECOND, &image(Behaviour::Idle, 0));
    for (behaviour, expected) in [(Behaviour::BadAccess, "SIGSEGV"), (Behaviour::UndefinedInstruction, "SIGILL"), (Behaviour::Loop, "time limit")] {
        agent.put_instance(FIRST, &image(behaviour, 0));
        let (status, error) = agent.call("POST", &format!("/v1/instances/{FIRST}/entries/0"), &Value::Null);
        assert_eq!((status, &error["error"]["code"]), (409, &json!("AE-HOST-FAILED")));
        let instance = agent.instance(FIRST);
        assert_eq!(instance["state"], "failed");
        assert!(instance["reason"].as_str().unwrap().contains(expected), "{instance}");
        assert_eq!(agent.put_instance(FIRST, &image(behaviour, 0)).0, 409);
        assert_eq!(agent.instance(SECOND)["state"], "running");
        assert_eq!(agent.call("DELETE", &format!("/v1/instances/{FIRST}"), &Value::Null).0, 204);
    }
    agent.shut_down();
}

#[test]
fn a_killed_host_is_reported_with_its_signal() {
    let folder = Folder::new("host-killed");
    let agent = Agent::start(&folder);
    let pid = agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap();
    send_signal(pid, Signal::KILL);
    let instance = agent.wait_for_state(FIRST, "exited");
    assert!(instance["reason"].as_str().unwrap().contains("signal 9 (SIGKILL)"), "{instance}");
    assert_eq!(agent.call("POST", &format!("/v1/instances/{FIRST}/entries/0"), &Value::Null).0, 503);
    assert_eq!(agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 409);
    assert_eq!(agent.call("DELETE", &format!("/v1/instances/{FIRST}"), &Value::Null).0, 204);
    assert_eq!(agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 201);
    agent.shut_down();
}

#[test]
fn a_killed_agent_leaves_its_hosts_to_the_next_one() {
    let folder = Folder::new("agent-killed");
    let agent = Agent::start(&folder);
    let survivor = agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap();
    let victim = agent.put_instance(SECOND, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap();
    agent.kill();
    assert!(is_running(survivor));
    send_signal(victim, Signal::KILL);
    wait_until_ended(victim);
    let agent = Agent::start(&folder);
    let adopted = agent.instance(FIRST);
    assert_eq!((&adopted["state"], adopted["pid"].as_u64()), (&json!("running"), Some(survivor)));
    assert_eq!(agent.instance(SECOND)["state"], "exited");
    // An adopted host that dies is noticed as well.
    send_signal(survivor, Signal::KILL);
    agent.wait_for_state(FIRST, "exited");
    agent.shut_down();
}

#[test]
fn an_agent_that_nobody_finds_any_more_makes_room_for_one_that_adopts_its_hosts() {
    for file in ["agent.sock", "agent.pid"] {
        let folder = Folder::new(&format!("taken-{file}"));
        let mut agent = Agent::start(&folder);
        let port = agent.port();
        let host = agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap();
        std::fs::remove_file(folder.0.join(file)).unwrap();
        assert_eq!(agent.child.wait().unwrap().code(), Some(6), "supervision starts it again");
        let agent = Agent::start_on(&folder, &[&format!("127.0.0.1:{port}")]);
        let adopted = agent.instance(FIRST);
        assert_eq!((&adopted["state"], adopted["pid"].as_u64()), (&json!("running"), Some(host)));
        agent.shut_down();
    }
}

#[test]
fn an_agent_whose_folder_is_removed_ends_with_its_hosts_and_touches_no_folder_in_its_place() {
    let folder = Folder::new("taken-folder");
    let mut agent = Agent::start(&folder);
    let host = agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap();
    std::fs::remove_dir_all(&folder.0).unwrap();
    // Without the port, which is the first agent's until it ends.
    let other = Agent::start(&folder);
    assert!(agent.child.wait().unwrap().success(), "supervision leaves it at that");
    wait_until_ended(host);
    assert_eq!(other.get("/v1")["pid"], other.child.id());
    other.shut_down();
}

#[test]
fn left_overs_of_an_interrupted_start_are_removed() {
    let folder = Folder::new("interrupted");
    let half = folder.0.join("instances").join(FIRST);
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("image"), b"half").unwrap();
    let agent = Agent::start(&folder);
    assert!(!half.exists());
    assert_eq!(agent.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 201);
    agent.shut_down();
}

#[test]
fn shutdown_and_sigterm_leave_no_process_and_no_socket() {
    for by_signal in [false, true] {
        let folder = Folder::new(&format!("end-{by_signal}"));
        let mut agent = Agent::start(&folder);
        let port = agent.port();
        let pids: Vec<u64> = [FIRST, SECOND].map(|id| agent.put_instance(id, &image(Behaviour::Idle, 0)).1["pid"].as_u64().unwrap()).into();
        if by_signal {
            send_signal(agent.child.id().into(), Signal::TERM);
            assert!(agent.child.wait().unwrap().success());
        } else {
            agent.shut_down();
        }
        assert!(pids.iter().all(|pid| !is_running(*pid)));
        for file in ["agent.sock", "agent.pid"] {
            assert!(!folder.0.join(file).exists(), "{file} stays");
        }
        for id in [FIRST, SECOND] {
            assert!(!folder.0.join("instances").join(id).join("host.sock").exists());
        }
        TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    }
}

#[test]
fn a_second_agent_in_the_folder_is_refused_and_a_dead_one_is_replaced() {
    let folder = Folder::new("second");
    let agent = Agent::start(&folder);
    let (status, error) = refused(&folder.0, &[]);
    assert_eq!((status, &error["code"]), (4, &json!("AE-AGENT-RUNNING")));
    assert!(error["message"].as_str().unwrap().contains(&agent.child.id().to_string()));
    let described: Value = serde_json::from_slice(&std::fs::read(folder.0.join("node.json")).unwrap()).unwrap();
    assert_eq!(described["pid"], agent.child.id(), "the live agent's description stays");
    agent.kill();
    assert!(folder.0.join("agent.sock").exists());
    Agent::start(&folder).shut_down();
}

#[test]
fn a_port_in_use_is_refused_and_said_in_the_folder() {
    let folder = Folder::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (status, error) = refused(&folder.0, &[&taken.local_addr().unwrap().to_string()]);
    assert_eq!((status, &error["code"]), (3, &json!("AE-AGENT-PORT")));
    let described: Value = serde_json::from_slice(&std::fs::read(folder.0.join("node.json")).unwrap()).unwrap();
    assert_eq!(described["error"], error);
}

#[test]
fn a_folder_that_cannot_be_used_is_refused() {
    let folder = Folder::new("file");
    std::fs::write(&folder.0, b"a file").unwrap();
    let (status, error) = refused(&folder.0, &[]);
    std::fs::remove_file(&folder.0).unwrap();
    assert!(status == 6 && error["code"] == "AE-AGENT-SYSTEM", "{status} {error}");
    // Nobody may create files there, root included.
    let (status, error) = refused(std::path::Path::new("/proc/authentic"), &[]);
    assert!(status != 0 && error["next"].as_str().is_some(), "{status} {error}");
}

#[test]
fn listens_on_ipv4_and_ipv6_with_one_port() {
    let folder = Folder::new("addresses");
    let agent = Agent::start_on(&folder, &["127.0.0.1:0", "[::1]:0"]);
    let port = agent.port();
    for address in ["127.0.0.1", "::1"] {
        std::net::TcpStream::connect((address, port)).unwrap();
    }
    agent.shut_down();
}

#[test]
fn works_in_a_folder_whose_path_is_longer_than_a_socket_address() {
    let parent = Folder::new("long");
    let folder = parent.0.join("long/".repeat(30));
    let mut agent = support::command(&folder, &[]).spawn().unwrap();
    let start = std::time::Instant::now();
    while !folder.join("node.json").exists() {
        assert!(start.elapsed() < support::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let directory = std::fs::File::open(&folder).unwrap();
    let mut short = Agent {
        folder: format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&directory)).into(),
        child: support::command(&folder, &[]).spawn().unwrap(),
    };
    assert_eq!(short.put_instance(FIRST, &image(Behaviour::Idle, 0)).0, 201);
    assert_eq!(short.call("POST", "/v1/shutdown", &Value::Null).0, 200);

    assert_eq!(short.child.wait().unwrap().code(), Some(4));
    assert!(agent.wait().unwrap().success());
}
