//! Random requests to the control interface of a real agent: it answers or closes, and its memory stays bounded.
#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod support;

use authentic_testing::hostile::{call, http, peak_memory};
use authentic_testing::image::{Behaviour, image};
use authentic_testing::memory::Counting;
use serde_json::json;
use support::{Agent, DEPLOYMENT, FIRST, Folder, SECOND};

#[global_allocator]
static MEMORY: Counting = Counting;

/// The agent needs some 10 MB; a million requests may leave nothing behind.
const AGENT: usize = 64 << 20;

#[test]
fn requests_to_the_control_interface() {
    let folder = Folder::new("fuzz");
    let agent = Agent::start(&folder);
    agent.put_instance(FIRST, &image(Behaviour::Idle, 0));
    let of = |id: &str, rest: &str| format!("/v1/instances/{id}{rest}");
    // Nothing here starts a process, however it is changed.
    let start = json!({ "name": "n", "deployment": DEPLOYMENT, "tee": "none", "image": "AAAA", "entryTimeLimitMs": 100, "interface": [{ "name": "poll", "kind": "entry" }] });
    let samples = [
        http("GET", "/v1", ""),
        http("GET", "/v1/instances", ""),
        http("GET", &of(FIRST, ""), ""),
        http("GET", &of(FIRST, "/pins"), ""),
        http("GET", &of(FIRST, "/logs?lines=3"), ""),
        http("GET", "/v1/logs?lines=3", ""),
        http("GET", "/metrics", ""),
        http("GET", "/v1/platform/pcs/sgx/certification/v4/tcb?fmspc=000000000000", ""),
        http("PUT", &of(SECOND, ""), &start.to_string()),
        http("DELETE", &of(SECOND, ""), ""),
        http("POST", &of(FIRST, "/messages"), &json!({ "type": "m1", "body": "AAAA" }).to_string()),
        http("PUT", &of(SECOND, "/routes/7"), &json!({ "address": "[::1]:7000", "instance": SECOND }).to_string()),
        http("PUT", &of(FIRST, "/triggers/poll"), &json!({ "endpoint": 0, "everyMs": 600_000 }).to_string()),
        http("DELETE", &of(FIRST, "/triggers/poll"), ""),
        http("PUT", &of(FIRST, "/pins/3"), &json!({ "value": 1 }).to_string()),
        b"GET /v1 HTTP/1.1\r\nHost: agent\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec(),
    ];
    call("requests to an agent", &folder.0.join("agent.sock"), &samples, b"HTTP/1.1 2").reaches(20);
    let peak = peak_memory(agent.child.id());
    println!("the agent had at most {peak} bytes of {AGENT}");
    assert!(peak < AGENT, "the agent had {peak} bytes");
    // Among a million requests there are some that delete it.
    let (status, instance) = agent.call("GET", &of(FIRST, ""), &serde_json::Value::Null);
    assert!(status == 404 || (status == 200 && instance["state"] == "running"), "{status} {instance}");
    agent.shut_down();
}
