//! Tests that need a process of their own: an emulated enclave changes the process that it is loaded into for good.
#![allow(dead_code, clippy::unwrap_used)]

use std::process::Command;

const CHILD: &str = "AUTHENTIC_TEST_CHILD";

/// Runs `body` in a process of its own. `name` is the path of the calling test.
pub fn isolated(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some_and(|child| child == name) {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, name).output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
