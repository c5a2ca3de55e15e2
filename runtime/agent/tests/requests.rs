//! Control requests and event sockets, genuine and not.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod support;

use authentic_testing::fuzz::Random;
use authentic_testing::image::{Behaviour, image};
use authentic_wire::hello::{Hello, LENGTH};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;
use support::{Agent, DEPLOYMENT, FIRST, Folder, PATIENCE, SECOND, start_body};

fn changed(key: &str, value: Value) -> Value {
    let mut body = start_body(&image(Behaviour::Idle, 0));
    body[key] = value;
    body
}

#[test]
fn malformed_requests_are_refused_with_a_code_and_a_next_step() {
    let folder = Folder::new("requests");
    let agent = Agent::start(&folder);
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let instance = |rest: &str| format!("/v1/instances/{FIRST}{rest}");
    let other = format!("/v1/instances/{SECOND}");
    let cases = [
        ("GET", "/v2".into(), Value::Null, 404),
        ("POST", "/v1".into(), Value::Null, 405),
        ("PUT", "/v1/instances/AA".into(), start_body(b""), 400),
        ("PUT", format!("/v1/instances/{}", FIRST.to_uppercase()), start_body(b""), 400),
        ("PUT", other.clone(), json!("text"), 400),
        ("PUT", other.clone(), changed("tee", json!("sgx")), 400),
        ("PUT", other.clone(), changed("deployment", json!("x")), 400),
        ("PUT", other.clone(), changed("image", json!("*")), 400),
        ("PUT", other.clone(), changed("entryTimeLimitMs", json!(0)), 400),
        ("PUT", other.clone(), changed("entryTimeLimitMs", json!(-1)), 400),
        ("PUT", other.clone(), changed("entryTimeLimitMs", json!(4_000_000_000u64)), 400),
        ("PUT", other.clone(), changed("name", json!("")), 400),
        ("PUT", other.clone(), changed("name", json!("a\nb")), 400),
        ("PUT", other.clone(), changed("interface", json!([{ "name": "x" }])), 400),
        ("PUT", other.clone(), changed("interface", json!(vec![json!({ "name": "x", "kind": "entry" }); 1025])), 400),
        ("PUT", other.clone(), changed("unknown", json!(1)), 400),
        ("GET", other.clone(), Value::Null, 404),
        ("POST", format!("{other}/messages"), json!({ "type": "m1", "body": "" }), 404),
        ("POST", instance("/messages"), json!({ "type": "m2", "body": "" }), 400),
        ("POST", instance("/messages"), json!({ "type": "m1", "body": 1 }), 400),
        ("POST", instance("/messages"), json!({ "type": "m1", "body": "A".repeat(300_000) }), 413),
        ("PUT", instance("/routes/0"), json!({ "address": "127.0.0.1:1", "instance": SECOND }), 400),
        ("PUT", instance("/routes/x"), json!({ "address": "127.0.0.1:1", "instance": SECOND }), 400),
        ("PUT", instance("/routes/4294967296"), json!({ "address": "127.0.0.1:1", "instance": SECOND }), 400),
        ("PUT", instance("/routes/1"), json!({ "address": "localhost:1", "instance": SECOND }), 400),
        ("PUT", instance("/routes/1"), json!({ "address": "127.0.0.1:1", "instance": "x" }), 400),
        ("PUT", instance("/triggers/poll"), json!({ "endpoint": 0, "everyMs": 0 }), 400),
        ("PUT", instance("/triggers/poll"), json!({ "endpoint": 1, "everyMs": 1000 }), 400),
        ("PUT", instance("/triggers/poll"), json!({ "endpoint": 9, "everyMs": 1000 }), 400),
        ("POST", instance("/entries/1"), Value::Null, 400),
        ("POST", instance("/entries/70000"), Value::Null, 400),
        ("PUT", instance("/pins/64"), json!({ "value": 1 }), 400),
        ("PUT", instance("/pins/1"), json!({ "value": 4_294_967_296u64 }), 400),
    ];
    for (method, path, body, expected) in cases {
        let (status, answer) = agent.call(method, &path, &body);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        for field in ["code", "message", "next"] {
            assert!(answer["error"][field].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}: {answer}");
        }
    }
    assert_eq!(agent.call("PUT", &instance("/routes/1"), &json!({ "address": "[::1]:1", "instance": SECOND })).0, 204);
    assert_eq!(agent.call("PUT", &instance("/triggers/poll"), &json!({ "endpoint": 0, "everyMs": 60_000 })).0, 204);
    assert_eq!(agent.call("PUT", &instance("/pins/1"), &json!({ "value": 1 })).0, 204);
    assert_eq!(agent.instance(FIRST)["triggers"][0]["name"], "poll");
    assert!(agent.try_call("GET", &instance("/logs?lines=5"), "").unwrap().1.contains("module host starts"));
    agent.shut_down();
}

#[test]
fn noise_on_the_control_socket_disturbs_nothing() {
    let folder = Folder::new("noise");
    let agent = Agent::start(&folder);
    let mut random = Random::new("noise on the control socket");
    for _ in 0..500 {
        let mut bytes =
            b"PUT /v1/instances/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: agent\r\nContent-Length: 20\r\n\r\n{\"name\":\"x\",\"tee\":1}".to_vec();
        for _ in 0..random.below(8) {
            random.mutate(&mut bytes);
        }
        let mut stream = agent.connect().unwrap();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(agent.get("/v1/instances")["instances"].as_array().unwrap().is_empty());
    agent.shut_down();
}

fn hello(target: &str) -> [u8; LENGTH] {
    Hello { deployment: DEPLOYMENT.parse().unwrap(), target: target.parse().unwrap(), source: SECOND.parse().unwrap() }.encode()
}

fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match stream.read(&mut [0; 8]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn hellos_are_routed_or_their_sockets_closed() {
    let folder = Folder::new("hellos");
    let agent = Agent::start(&folder);
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let address = ("127.0.0.1", agent.port());
    let connect = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    let mut other_deployment = hello(FIRST);
    other_deployment[8] ^= 1;
    let mut version = hello(FIRST);
    version[4] = 2;
    let mut reserved = hello(FIRST);
    reserved[7] = 1;
    for bad in [hello(SECOND), other_deployment, version, reserved, [0; LENGTH]] {
        assert!(is_closed(connect(&bad)));
    }
    let started = Instant::now();
    assert!(is_closed(connect(&hello(FIRST)[..55])), "a hello has five seconds");
    assert!(started.elapsed() >= std::time::Duration::from_secs(4));
    let _good = connect(&hello(FIRST));
    wait_for("the socket is passed", || agent.instance(FIRST)["sockets"] == 1);
    for (outcome, count) in [("passed", 1), ("unknown", 2), ("malformed", 3), ("silent", 1)] {
        assert_eq!(agent.metric(&format!("authentic_event_sockets_total{{outcome=\"{outcome}\"}}")), count, "{outcome}");
    }
    agent.shut_down();
}

#[test]
fn ten_thousand_idle_sockets_keep_nobody_out() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let room = limit.maximum.map_or(10_000, |maximum| (maximum as usize).saturating_sub(500)).min(10_000);
    assert!(room > 2_048, "the limit of open files, {room}, is too small for this test: raise it with `ulimit -Hn`");
    let folder = Folder::new("idle");
    let agent = Agent::start(&folder);
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let address = ("127.0.0.1", agent.port());
    let mut idle = Vec::with_capacity(room);
    while idle.len() < room {
        idle.push(TcpStream::connect(address).unwrap());
    }
    let mut good = TcpStream::connect(address).unwrap();
    good.write_all(&hello(FIRST)).unwrap();
    wait_for("the genuine socket is passed", || agent.instance(FIRST)["sockets"] == 1);
    assert!(agent.metric("authentic_event_sockets_pending") <= 1024);
    assert_eq!(agent.put_instance(SECOND, &image(Behaviour::Idle, 0)).0, 201);
    drop(idle);
    agent.shut_down();
}

#[test]
fn logs_and_events_go_on_until_the_instance_or_the_agent_ends() {
    let folder = Folder::new("streams");
    let agent = Agent::start(&folder);
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let listen = |path: &str| {
        let mut stream = agent.connect().unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        stream
    };
    let mut log = listen("/v1/logs?lines=0&follow=true");
    let mut events = listen(&format!("/v1/instances/{FIRST}/events"));
    let mut start = [0; 15];
    events.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    assert_eq!(agent.call("GET", &format!("/v1/instances/{SECOND}/events"), &Value::Null).0, 404);
    agent.call("DELETE", &format!("/v1/instances/{FIRST}"), &Value::Null);
    events.read_to_end(&mut Vec::new()).expect("the events end with their host");
    agent.shut_down();
    let mut text = Vec::new();
    log.read_to_end(&mut text).expect("the log ends with the agent");
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("deleted") && text.contains("shutting down on request"), "{text}");
}
